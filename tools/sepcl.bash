# Completion for bash: `source sepcl.bash`, or install it as /usr/share/bash-completion/completions/sepcl.
_sepcl() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local commands="devices summary plan run bench tune export picture zoo kernels ops help"
  if [ "$COMP_CWORD" = 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands --help --version" -- "$word")
    return
  fi
  case $before in
    help) mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word") ;;
    --replay) mapfile -t COMPREPLY < <(compgen -W "auto launches command-buffer one-launch" -- "$word") ;;
    --family) mapfile -t COMPREPLY < <(compgen -W "auto row tile scalar" -- "$word") ;;
    --precision) mapfile -t COMPREPLY < <(compgen -W "f32 f16" -- "$word") ;;
    --device) mapfile -t COMPREPLY < <(compgen -W "gpu cpu $(sepcl devices 2>/dev/null | sed -n 's/^\([0-9]*:[0-9]*\) .*/\1/p')" -- "$word") ;;
    *)
      case $word in
        # The help text is the one list of options.
        -*) mapfile -t COMPREPLY < <(compgen -W "$(sepcl "${COMP_WORDS[1]}" --help 2>/dev/null |
          sed -n 's/^.*\(--[a-z-]*\).*/\1/p')" -- "$word") ;;
        *)
          compopt -o filenames 2>/dev/null
          mapfile -t COMPREPLY < <(compgen -f -- "$word")
          ;;
      esac
      ;;
  esac
}
complete -F _sepcl sepcl
