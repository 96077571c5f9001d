import type { SHELLS } from './values.ts';

/**
 * The scripts that make a shell ask the program. Nothing of an answer is ever evaluated, for names of members are chosen
 * by others. A line that begins with a colon asks the shell for files or directories.
 */
export type Shell = (typeof SHELLS)[number];

/** The script of a shell for the programs of these names. */
export function completionScript(shell: Shell, names: readonly string[]): string {
  switch (shell) {
    case 'bash':
      return bash(names);
    case 'zsh':
      return zsh(names);
    case 'fish':
      return fish(names);
  }
}

function bash(names: readonly string[]): string {
  return `# Completion for bash: save it as /etc/bash_completion.d/${names[0]}, or source it in ~/.bashrc.
_reeve_complete() {
  local current=\${COMP_WORDS[COMP_CWORD]} line full prefix
  local -a words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  local -a found=()
  COMPREPLY=()
  while IFS= read -r line; do
    found+=("$line")
  done < <("$1" completion bash -- "\${words[@]}" 2>/dev/null)
  # A break such as = alone is the current word; what follows it is still empty.
  [[ $current == [=:]* ]] && current=
  case \${found[0]-} in
    :files)
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
      ;;
    :directories)
      compopt -o filenames 2>/dev/null
      while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$current")
      ;;
    *)
      # Readline replaces only what follows the last break.
      for full in "\${found[@]}"; do
        prefix=
        [[ $COMP_WORDBREAKS == *=* && $full == *=* ]] && prefix=\${full%%=*}=
        COMPREPLY+=("\${full#"$prefix"}")
      done
      ;;
  esac
}
complete -F _reeve_complete ${names.join(' ')}
`;
}

function zsh(names: readonly string[]): string {
  return `#compdef ${names.join(' ')}
# Completion for zsh: save it as _${names[0]} in a directory of $fpath, or source it in ~/.zshrc after compinit.
_${names[0]}() {
  local -a found described
  local line word
  found=("\${(@f)$("$words[1]" completion zsh -- "\${(@Q)words[2,CURRENT-1]}" "\${(Q)PREFIX}" 2>/dev/null)}")
  case $found[1] in
    :files)
      [[ $PREFIX == -*=* ]] && compset -P '*='
      _files
      ;;
    :directories)
      [[ $PREFIX == -*=* ]] && compset -P '*='
      _files -/
      ;;
    ?*)
      for line in "\${found[@]}"; do
        word="\${\${line%%$'\\t'*}//:/\\\\:}"
        [[ $line == *$'\\t'* ]] && word+=":\${line#*$'\\t'}"
        described+=("$word")
      done
      _describe -V value described
      ;;
  esac
}
if [[ $funcstack[1] == _${names[0]} ]]; then
  _${names[0]} "$@"
else
  compdef _${names[0]} ${names.join(' ')}
fi
`;
}

function fish(names: readonly string[]): string {
  return `# Completion for fish: save it as /etc/fish/completions/${names[0]}.fish, or source it in config.fish.
function __reeve_complete
  set -l words (commandline -opc)
  set -l current (commandline -ct)
  set -l found ($words[1] completion fish -- $words[2..-1] "$current" 2>/dev/null)
  switch "$found[1]"
    case ':files' ':directories'
      set -l start (string match -r '^-[^=]*=' -- "$current")
      set -l rest (string replace -r '^-[^=]*=' '' -- "$current")
      if test "$found[1]" = ':files'
        __fish_complete_path "$rest" | string replace -r '^' -- "$start"
      else
        __fish_complete_directories "$rest" | string replace -r '^' -- "$start"
      end
    case '*'
      printf '%s\\n' $found
  end
end
${names.map((name) => `complete -c ${name} -f -a '(__reeve_complete)'`).join('\n')}
`;
}
