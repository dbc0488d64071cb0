"""Writes Normalization.txt: decompositions and combining classes as of Unicode 9, which Hugging Face's normalizers have. usage: python3 make_normalization.py > Normalization.txt
Python's unicodedata is newer; what came after Unicode 9 is left out by name. Lines: code point, then = or ~ (canonical, compatible) and the decomposition, each
character once only (the reader goes on), ! where composing never gives the character back; or @ and the combining class."""
import unicodedata

LATER = """32FF A7F2-A7F4 AB69 10781-107BA 11938 7FD 898-89F 8CA-8D3 9FE C3C D3B-D3C EBA 1715 1ABF-1ACE 1DF6-1DFA A82C 10D24-10D27 10EAB-10EAC 10F46-10F50 10F82-10F85
11070 1133B 1145E 11839-1183A 1193D-1193E 11943 119E0 11A34 11A47 11A99 11D42 11D44-11D45 11D97 16FF0-16FF1 1E130-1E136 1E2AE 1E2EC-1E2EF 10D6D 1FBF0-1FBF9"""
later = set()
for part in LATER.split():
    ends = part.split("-")
    later.update(range(int(ends[0], 16), int(ends[-1], 16) + 1))
for code in range(0x110000):
    if code in later or 0xAC00 <= code < 0xD7A4:
        continue
    c = chr(code)
    mapping = unicodedata.decomposition(c)
    if mapping:
        compatible = mapping.startswith("<")
        if compatible:
            mapping = mapping.split("> ")[1]
        never = not compatible and unicodedata.normalize("NFC", c) != c
        print(f"{code:04X} {'~' if compatible else '!' if never else '='} {mapping}")
    elif unicodedata.combining(c):
        print(f"{code:04X} @ {unicodedata.combining(c)}")
