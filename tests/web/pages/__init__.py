"""Stories of the console's pages in a real Chromium, on either store."""

import pytest

pytest.register_assert_rewrite("tests.web.site")
