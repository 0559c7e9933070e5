"""Writes docs/settings.md and the sample file anew from the settings model: `python -m config`."""

from config.reference import DOCUMENT, SAMPLE, markdown, sample

if __name__ == "__main__":
    DOCUMENT.write_text(markdown(), "utf-8")
    SAMPLE.write_text(sample(), "utf-8")
