# Makes docs/api.md out of include/sepcl.h: awk -f docs/api.awk include/sepcl.h > docs/api.md
# A line `/* ----- title */` opens a section; a comment belongs to the declarations that follow it, up to an empty line.
BEGIN {
  print "# The C interface"
  print ""
  print "Made from [include/sepcl.h](../include/sepcl.h) by docs/api.awk; do not edit."
}

function flush_declarations() {
  if (code != "") printf "\n%s", code
  code = ""
}

# A comment's line without its stars. Lists stay lists; what is indented otherwise is a diagram.
function comment_line(line) {
  sub(/^ ?\/?\*+\/?/, "", line)
  sub(/ *\*\/ *$/, "", line)
  sub(/^ /, "", line)
  if (line ~ /^ *- /) {
    if (!listed) print ""
    listed = 1
    sub(/^ */, "", line)
  } else if (listed && line ~ /^    /) {
    sub(/^ */, "  ", line)
  } else if (line ~ /^  /) {
    line = "    " line
  } else if (line != "") {
    listed = 0
  }
  print line
}

/^#if defined\(_WIN32\)/ { skipping = 1 }
skipping {
  if (/^#endif/) skipping = 0
  next
}
/^#ifn?def |^extern "C"|^#endif$|^#include|^#define SEPCL_H$|^#define CL_TARGET|^}$/ { next }
/^\/\* -+ [^-]/ && /\*\/$/ {
  flush_declarations()
  title = $0
  gsub(/^\/\* -+ | *-* *\*\/$/, "", title)
  print "\n## " toupper(substr(title, 1, 1)) substr(title, 2)
  listed = 0
  next
}
!in_comment && /^\/\*/ {
  flush_declarations()
  print ""
  listed = 0
  comment_line($0)
  in_comment = $0 !~ /\*\//
  next
}
in_comment {
  if ($0 !~ /^ \*\/$/) comment_line($0)
  if ($0 ~ /\*\/ *$/) in_comment = 0
  next
}
/^$/ { flush_declarations(); next }
{
  sub(/^SEPCL_API /, "")
  code = code "    " $0 "\n"
}
END { flush_declarations() }
