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
    reached, unreached, excused = 0, [], set()
    excuses = [line.split("|")[0].strip() for line in pathlib.Path(__file__).with_name("messages-unreached.txt").read_text().splitlines()
               if line and not line.startswith("#")]
    covered = counts(sys.argv[1])
    for source in sorted((ROOT / "host/model").glob("*.c")):
        lines = source.read_text().splitlines()
        for number, text in enumerate(lines, 1):
            if not CALL.search(text) or DEFINITION.search(text):
                continue
            count = covered[f"host/model/{source.name}"].get(number)
            statement = " ".join(line.strip() for line in lines[number - 1:number + 2])
            if count:
                reached += 1
                continue
            excuse = next((e for e in excuses if e in f"{source.name}: {statement}"), None)
            if excuse:
                excused.add(excuse)
            else:
                unreached.append(f"host/model/{source.name}:{number}: {text.strip()}{'' if count == 0 else ' (no code)'}")
    print("\n".join(unreached))
    stale = set(excuses) - excused
    for excuse in stale:
        print(f"excused, but reached or gone: {excuse}")
    print(f"{reached} messages reached, {len(excused)} excuses, {len(unreached)} not reached")
    sys.exit(1 if unreached or stale or reached < 200 else 0)


if __name__ == "__main__":
    main()
