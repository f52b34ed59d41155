/**
 * `ankylo completions`: scripts that teach a shell the verbs and their options, made from the
 * program itself.
 *
 * @module
 */
import { Argument, type Command } from "commander";
import type { CliIo } from "./cli_io.ts";
import { withExamples } from "./verb_options.ts";

interface Verb {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly string[];
}

/** Adds the verb to a program. */
export function addCompletions(program: Command, io: CliIo): void {
  const command = program
    .command("completions")
    .description("print a script that completes verbs and options in a shell")
    .addArgument(new Argument("<shell>", "which shell").choices(["bash", "zsh", "fish"]));
  withExamples(command, [
    "completions bash > /etc/bash_completion.d/ankylo",
    "completions zsh > ~/.zfunc/_ankylo",
    "completions fish > ~/.config/fish/completions/ankylo.fish",
  ]);
  command.action((shell: string) => io.write(completionScript(program, shell)));
}

/** Returns the script for a shell. */
export function completionScript(program: Command, shell: string): string {
  const verbs = program.commands.map((command) => ({
    name: command.name(),
    description: command.description(),
    flags: [...command.options.map((option) => option.long ?? option.short ?? ""), "--help"],
  }));
  if (shell === "bash") return bashScript(verbs);
  return shell === "zsh" ? zshScript(verbs) : fishScript(verbs);
}

function bashScript(verbs: readonly Verb[]): string {
  const names = verbs.map(({ name }) => name).join(" ");
  const cases = verbs.map(({ name, flags }) => `    ${name}) words="${flags.join(" ")}" ;;`);
  return `# bash completion for ankylo
_ankylo() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names}" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}
complete -o filenames -F _ankylo ankylo
`;
}

function zshScript(verbs: readonly Verb[]): string {
  const names = verbs.map(({ name, description }) => `    ${quote(`${name}:${description}`)}`);
  const cases = verbs.map(({ name, flags }) => `    ${name}) compadd -- ${flags.join(" ")} ;;`);
  return `#compdef ankylo
_ankylo() {
  local -a verbs=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe verb verbs
    return
  fi
  if [[ $PREFIX != -* ]]; then
    _files
    return
  fi
  case $words[2] in
${cases.join("\n")}
  esac
}
compdef _ankylo ankylo
`;
}

function fishScript(verbs: readonly Verb[]): string {
  const lines = verbs.flatMap(({ name, description, flags }) => [
    `complete -c ankylo -n __fish_use_subcommand -a ${name} -d ${quote(description)}`,
    ...flags.map((flag) =>
      `complete -c ankylo -n '__fish_seen_subcommand_from ${name}' -l ${flag.replace(/^-+/, "")}`
    ),
  ]);
  return `# fish completion for ankylo\n${lines.join("\n")}\n`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", " ")}'`;
}
