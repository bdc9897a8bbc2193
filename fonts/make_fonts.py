"""Makes the fonts of this folder: parts of free fonts, without hinting, so that the binary stays small.

    apt-get install fonts-noto-core fonts-droid-fallback
    pip install fonttools brotli
    npm pack @fontsource/noto-emoji && tar xzf fontsource-noto-emoji-*.tgz     # makes package/
    python fonts/make_fonts.py package
"""

import sys
from pathlib import Path

from fontTools import subset
from fontTools.merge import Merger

NOTO = Path("/usr/share/fonts/truetype/noto")
DROID = Path("/usr/share/fonts-droid-fallback/truetype/DroidSansFallback.ttf")
HERE = Path(__file__).parent
PUNCTUATION = [(0x2000, 0x206F), (0x2070, 0x209F), (0x20A0, 0x20BF), (0xFFFD, 0xFFFD)]
MATHEMATICS = [(0x2190, 0x2193), (0x2212, 0x2212), (0x2260, 0x2265)]
LATIN = [(0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), *PUNCTUATION]
JOINERS = (0x200C, 0x200F)
SKIN_TONES = range(0x1F3FB, 0x1F400)
SCRIPTS = {
    "Arabic": [(0x600, 0x6FF), JOINERS],
    "Hebrew": [(0x590, 0x5FF), JOINERS],
    "Devanagari": [(0x900, 0x97F), JOINERS],
    "Bengali": [(0x980, 0x9FF), JOINERS],
    "Tamil": [(0xB80, 0xBFF), JOINERS],
    "Thai": [(0xE00, 0xE7F)],
    "Georgian": [(0x10A0, 0x10FF)],
    "Armenian": [(0x530, 0x58F)],
}


def characters(ranges):
    return {code for first, last in ranges for code in range(first, last + 1)}


def of_encoding(name, first_bytes, second_bytes):
    """The characters of the two-byte rows of a national standard."""
    found = set()
    for first in first_bytes:
        for second in second_bytes:
            try:
                found.add(ord(bytes([first, second]).decode(name)))
            except (UnicodeDecodeError, TypeError):
                pass
    return found


def cjk():
    """GB 2312, the first levels of Big5 and JIS X 0208, Hangul of KS X 1001, kana, full-width forms."""
    high = range(0xA1, 0xFF)
    found = characters([(0x3000, 0x30FF), (0xFF00, 0xFFEF)])
    found |= of_encoding("gb2312", range(0xB0, 0xF8), high)
    found |= of_encoding("euc_kr", range(0xB0, 0xC9), high)
    found |= of_encoding("euc_jp", range(0xB0, 0xD0), high)
    return found | of_encoding("big5", range(0xA4, 0xC7), [*range(0x40, 0x7F), *high])


def make(source, name, unicodes, features=("*",)):
    options = subset.Options()
    options.hinting = False
    options.notdef_outline = True
    options.layout_features = list(features)
    options.name_IDs = [0, 1, 2, 3, 4, 5, 6, 13, 14]
    options.drop_tables += ["vhea", "vmtx", "STAT", "MVAR", "DSIG", "fpgm", "prep", "cvt "]
    font = subset.load_font(str(source), options)
    subsetter = subset.Subsetter(options)
    subsetter.populate(unicodes=unicodes if unicodes is not None else font.getBestCmap().keys())
    subsetter.subset(font)
    font.flavor = None
    path = HERE / name
    subset.save_font(font, str(path), options)
    print(name, path.stat().st_size)


def add_mathematics(name):
    """Adds the signs that Noto Sans lacks, so that an SVG carries them too."""
    make(NOTO / "NotoSansMath-Regular.ttf", "signs.ttf", characters(MATHEMATICS), ())
    merged = Merger().merge([str(HERE / name), str(HERE / "signs.ttf")])
    merged.save(HERE / name)
    (HERE / "signs.ttf").unlink()


def main(emoji_package):
    plain = ("kern", "mark", "mkmk", "ccmp", "locl")
    for name in ("NotoSans-Regular.ttf", "NotoSans-Bold.ttf"):
        make(NOTO / name, name, characters(LATIN), plain)
        add_mathematics(name)
    others = characters([(0x370, 0x3FF), (0x400, 0x4FF), (0x1E00, 0x1EFF), (0x2100, 0x214F), (0x300, 0x36F)])
    make(NOTO / "NotoSans-Regular.ttf", "NotoSans-GreekCyrillic.ttf", others, plain)
    for script, ranges in SCRIPTS.items():
        make(NOTO / f"NotoSans{script}-Regular.ttf", f"NotoSans{script}-Regular.ttf", characters(ranges))
    make(DROID, "DroidSansFallback.ttf", cjk())
    emoji = Path(emoji_package) / "files/noto-emoji-emoji-400-normal.woff2"
    from fontTools.ttLib import TTFont

    known = set(TTFont(emoji).getBestCmap()) - set(SKIN_TONES)
    make(emoji, "NotoEmoji-Regular.ttf", known)


if __name__ == "__main__":
    main(sys.argv[1])
