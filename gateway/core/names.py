"""Names of people: from a decoded display name to the name on a card, and its first and last part (rule C8).

Own tables rather than a name library: this runs for every new contact, must take any text in linear time, and must
leave companies, departments and names of other scripts as they are.
"""

# The tables hold the quotes and words of other scripts, which look like Latin ones on purpose.
# ruff: noqa: RUF001
from __future__ import annotations

import re
import unicodedata

NAME_CHARACTERS = 200
_LONGEST = 2_000

_DOUBLE_QUOTES = '"“”„‟«»″＂'
_SINGLE_QUOTES = "'‘’‚‛‹›´`"
_QUOTES = _DOUBLE_QUOTES + _SINGLE_QUOTES
# A quote that ends a first quoted part of several: 'Ann' or 'Bob' is not one quoted name.
_PART_CLOSED = re.compile(f"[^{_QUOTES}]*[^{_QUOTES} ][{_QUOTES}] ")

_ADDRESS = re.compile(r"[^\s@<>()\[\],;:]+@[^\s@<>()\[\],;:]+")
_BRACKETED_ADDRESS = re.compile(r" ?(?:<[^<>@]*@[^<>@]*>|\([^()@ ]+@[^()@ ]+\)|\[[^\[\]@ ]+@[^\[\]@ ]+\])")
_LOOSE_ENDS = " -–—|,;"
_MAILTO = re.compile(r"mailto:", re.IGNORECASE)

_BEHALF = (
    "(?i:on behalf of|im Auftrag von|im Namen von|pour le compte de|de la part de|en nombre de|em nome de|a nome di|"
    "per conto di|namens|atas nama|от имени|от лица|через)"
)
# "via" bare only in lower case, since "Via" is also a family name.
_TAIL = re.compile(
    rf" ?(?:[(\[] ?(?:(?i:v[ií]a)|{_BEHALF}) |[-–—|,] ?(?:v[ií]a|{_BEHALF}) | (?:v[ií]a|{_BEHALF}) )(?=\S).*\Z"
)


def _table(words: str) -> frozenset[str]:
    return frozenset(words.split())


# Words that show a company or a department where a comma is no "Last, First".
_COMPANY_WORDS = _table(
    """
    ab ag as asa aps bhd bv cie co company corp corporation cv eg eirl eireli ek eurl ev foundation gbr ggmbh gmbh
    group gruppe holding inc incorporated kft kg kgaa limited llc llp ltd ltda mbh me nv ohg oy oyj pc plc pllc pt
    pte pty rl sa sarl sas scrl se sl snc spa spol spzoo srl sro stiftung tbk ug verein ооо зао оао ао ип
    株式会社 有限公司
    """
)
_DEPARTMENT_WORDS = _table(
    """
    abteilung accounting admin administration bank billing buchhaltung department dept einkauf hotel info marketing
    noreply office orders reception reservations sales service services shop store support team university
    universität ventas vendas vertrieb verkauf
    """
)
_NOT_A_PERSON = re.compile(r"[0-9&/+:!?@=]| (?:and|und|et|en|dan|и) ")
_TRAILING_BRACKET = re.compile(r"(.*[^ ]) ?(\([^()]*\)|\[[^\[\]]*\])\Z")
_MOST_WORDS = 4

_HONORIFICS = _table(
    """
    dr prof professor doctor doktor mr mrs ms miss mx mister messrs sir madam herr hr herrn frau monsieur madame mme
    mlle señor señora señorita sra srta senhor senhora dra dott dottssa sigra signor signora dhr mevr mevrouw pak
    bapak bpk bu ibu mbak tuan puan encik datuk dato' г-н г-жа господин госпожа пан пані
    """
)
# Short words that are names as well; titles only with their full stop.
_DOTTED_HONORIFICS = _table(
    """
    avv. capt. col. dipl.-inf. dipl.-ing. dipl.-kfm. dr.-ing. drs. eng. fr. h.c. hj. hon. ing. ir. kol. lic. lt.
    mag. med. ny. rer.nat. rev. sdr. sdri. sgt. sig. sr. tn.
    """
)
_SUFFIXES = _table(
    """
    jr jnr sr snr ii iii iv phd md mba msc bsc mphil llm llb esq dds dmd cpa cfa pmp rn edd jd
    """
)
_DEGREE = re.compile(r"[^\W\d_]+(?:\.[^\W\d_]+)+\.?")
_PARTICLES = _table(
    """
    van von vom zu zum zur de den der des del della dello di da das do dos du la le ter ten te bin binti binte ibn
    bint al el af av y e
    """
)
_ASIDE = re.compile(r' ?(?:\([^()]*\)|\[[^\[\]]*\]|"[^"]*"|“[^“”]*”|„[^„“”]*[“”]|«[^«»]*»)')


def tidy_name(display: str, address: str) -> str | None:
    """The name for a card, or None when the display name holds none (rule C8); at most 200 characters.

    display: decoded, as the mail has it. address: whose name it is; it is dropped wherever it stands, and a name of
    nothing but addresses is none. A name that equals the address' local part stays: somebody chose to be called so.
    Invisible characters go, quotes around the whole go, "via …" and "on behalf of …" tails go, "Last, First" is
    turned; a company's or a department's comma, and more than one comma, stay. Tidying a tidy name changes nothing.
    """
    name = _visible(display[:_LONGEST])
    while (tidied := _cut(_turn(_drop_addresses(_drop_tail(_unquote(name)), address)))) != name:
        name = tidied
    return name if any(letter.isalnum() or unicodedata.category(letter) == "So" for letter in name) else None


def split_name(name: str) -> tuple[str, str]:
    """First and last name of a tidy name, for templates; ("", "") for an empty one.

    Honorifics before, degrees and "Jr." behind, and asides in brackets or quotes are dropped as long as something
    remains. The first word is the first name and all the rest the last ("Ana Maria Lima": Ana, Maria Lima), so
    particles stay with the last name. One word, a company, and a name that begins with a particle ("van Beethoven")
    are all first name, since a greeting needs one. Two words in Chinese, Japanese or Korean writing are family name
    first; without a blank they stay whole.
    """
    name = _visible(name[:_LONGEST])
    person = _person(name)
    words = [bare for word in _strip_degrees(_strip_honorifics(person.split())) if (bare := word.strip(","))]
    if not words or _is_company(person):
        return name, ""
    if len(words) == 2 and all(_is_east_asian(word) for word in words):
        return words[1], words[0]
    if words[0] in _PARTICLES:
        return " ".join(words), ""
    return words[0], " ".join(words[1:])


def _visible(text: str) -> str:
    """One line without controls, direction marks, zero-width characters and surrogates."""
    text = " ".join(text.split())
    if text.isprintable():
        return text
    kept = "".join(letter for letter in text if unicodedata.category(letter) not in ("Cc", "Cf", "Cs"))
    return " ".join(kept.split())


def _unquote(name: str) -> str:
    """Without quotes around the whole name, nested ones too, and without a double quote that has no partner."""
    name = name.strip(" ")
    while len(name) > 1 and name[0] in _QUOTES and name[-1] in _QUOTES and not _PART_CLOSED.match(name, 1):
        name = name[1:-1].strip(" ")
    if sum(letter in _DOUBLE_QUOTES for letter in name) == 1:
        name = name.strip(_DOUBLE_QUOTES + " ")
    return name


def _drop_addresses(name: str, address: str) -> str:
    if "@" not in name:
        return name
    own = address.casefold()
    words = _BRACKETED_ADDRESS.sub("", _MAILTO.sub("", name)).split()
    bare = [word.strip(_QUOTES + "<>()[],;") for word in words]
    if name.casefold() == own or all(_ADDRESS.fullmatch(word) for word in bare):
        return ""
    return " ".join(word for word, core in zip(words, bare, strict=True) if core.casefold() != own).strip(_LOOSE_ENDS)


def _drop_tail(name: str) -> str:
    """Without what tells the road the mail took: "via LinkedIn", "(via Google Docs)", "on behalf of …"."""
    tail = _TAIL.search(name, 1)
    return name[: tail.start()].rstrip(" ") if tail else name


def _turn(name: str) -> str:
    """Turns "Last, First" into "First Last"; titles stay in front and a bracket behind."""
    before, _, after = (part.strip(" ") for part in name.partition(","))
    if not before or not after or "," in after:
        return name.strip(" ,")
    bracket = _TRAILING_BRACKET.fullmatch(after)
    first, aside = (bracket[1], bracket[2]) if bracket else (after, "")
    if not (_may_be_personal(before) and _may_be_personal(first)) or _all_degrees(first.split()):
        return name
    last = before.split()
    surname = _strip_honorifics(last)
    titles = last[: len(last) - len(surname)]
    return " ".join([*titles, first, *surname, aside]).rstrip(" ")


def _may_be_personal(part: str) -> bool:
    words = part.split()
    return len(words) <= _MOST_WORDS and not _NOT_A_PERSON.search(part) and not _is_company(part)


def _is_company(name: str) -> bool:
    return any(_is_company_word(word.strip(",()[]")) for word in name.split())


def _is_company_word(word: str) -> bool:
    """True for "GmbH", "S.A.", "SA", "Sales"; two letters like a name ("Sa", "Se") are none."""
    letters = word.replace(".", "")
    if len(word) == 2 and word.istitle():
        return False
    return letters.casefold() in _COMPANY_WORDS or word.casefold() in _DEPARTMENT_WORDS


def _cut(name: str) -> str:
    """At most 200 characters, cut between words where there are any."""
    if len(name) <= NAME_CHARACTERS:
        return name
    whole, _, _ = name[: NAME_CHARACTERS + 1].rpartition(" ")
    return (whole or name[:NAME_CHARACTERS]).rstrip(" ,")


def _person(name: str) -> str:
    """Without asides and degrees behind a comma, "Last, First" turned; the whole where nothing else would be left."""
    bare = _ASIDE.sub("", name).strip(" ,") or name
    before, comma, after = bare.rpartition(",")
    while comma and _all_degrees(after.split()):
        bare = before
        before, comma, after = bare.rpartition(",")
    return _turn(bare)


def _all_degrees(words: list[str]) -> bool:
    """True when all words are suffixes or have a full stop inside ("S.Kom.", "M.Sc."), as an initial ("T.") has not."""
    return all(_is_suffix(word) or _DEGREE.fullmatch(word) for word in words)


def _is_suffix(word: str) -> bool:
    return word.replace(".", "").strip(",").casefold() in _SUFFIXES


def _strip_honorifics(words: list[str]) -> list[str]:
    start = 0
    while start < len(words) - 1 and _is_honorific(words[start].casefold()):
        start += 1
    return words[start:]


def _is_honorific(word: str) -> bool:
    return word.replace(".", "").strip(",") in _HONORIFICS or word in _DOTTED_HONORIFICS


def _strip_degrees(words: list[str]) -> list[str]:
    end = len(words)
    while end > 1 and _is_suffix(words[end - 1]):
        end -= 1
    return words[:end]


def _is_east_asian(word: str) -> bool:
    """True for Han, kana and hangul; the first character tells the script of a name."""
    return unicodedata.name(word[0], "").startswith(("CJK ", "HANGUL ", "HIRAGANA ", "KATAKANA "))
