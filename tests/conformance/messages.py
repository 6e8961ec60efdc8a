#!/usr/bin/env python3
"""Reads gcov's JSON (a document a line) and lists the lines with an error message that no test reached: see `messages`."""
import collections
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CALL = re.compile(r"\b(failure|refuse)\(")
DEFINITION = re.compile(r"^(static )?sepcl_status (failure|refuse)\(")


def counts(path):
    result = collections.defaultdict(dict)
    for text in pathlib.Path(path).read_text().splitlines():
        for file in json.loads(text)["files"]:
            for line in file["lines"]:
                name = file["file"][file["file"].find("host/"):]
                number = line["line_number"]
                result[name][number] = max(result[name].get(number, 0), line["count"])
    return result


def main():
    reached, unreached = 0, []
    covered = counts(sys.argv[1])
    for source in sorted((ROOT / "host/model").glob("*.c")):
        for number, text in enumerate(source.read_text().splitlines(), 1):
            if not CALL.search(text) or DEFINITION.search(text):
                continue
            count = covered[f"host/model/{source.name}"].get(number)
            if count:
                reached += 1
            else:
                unreached.append(f"host/model/{source.name}:{number}: {text.strip()}{'' if count == 0 else ' (no code)'}")
    print("\n".join(unreached), end="\n" if unreached else "")
    print(f"{reached} messages reached, {len(unreached)} not reached")
    sys.exit(1 if unreached or reached < 200 else 0)


if __name__ == "__main__":
    main()
