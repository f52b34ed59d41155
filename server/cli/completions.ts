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
  /** Verbs of its own, such as `set` of `retention`. */
  readonly parts: readonly string[];
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
    flags: [...new Set([command, ...command.commands].flatMap(flagsOf)), "--help"],
    parts: command.commands.map((part) => part.name()),
  }));
  if (shell === "bash") return bashScript(verbs);
  return shell === "zsh" ? zshScript(verbs) : fishScript(verbs);
}

function flagsOf(command: Command): string[] {
  return command.options.map((option) => option.long ?? option.short ?? "");
}

function bashScript(verbs: readonly Verb[]): string {
  const names = verbs.map(({ name }) => name).join(" ");
  const cases = verbs.map(({ name, flags, parts }) =>
    `    ${name}) words="${flags.join(" ")}" parts="${parts.join(" ")}" ;;`
  );
  return `# bash completion for ankylo
_ankylo() {
  local current="\${COMP_WORDS[COMP_CWORD]}" words="" parts=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${names}" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
  esac
  if [ "$COMP_CWORD" -eq 2 ] && [ -n "$parts" ] && [ "\${current#-}" = "$current" ]; then
    COMPREPLY=($(compgen -W "$parts" -- "$current"))
    return
  fi
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
  const parts = verbs.filter((verb) => verb.parts.length > 0)
    .map((verb) => `      ${verb.name}) compadd -- ${verb.parts.join(" ")}; return ;;`);
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
    (( CURRENT == 3 )) && case $words[2] in
${parts.join("\n")}
    esac
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
  const lines = verbs.flatMap(({ name, description, flags, parts }) => [
    `complete -c ankylo -n __fish_use_subcommand -a ${name} -d ${quote(description)}`,
    ...parts.map((part) =>
      `complete -c ankylo -n '__fish_seen_subcommand_from ${name}' -a ${part}`
    ),
    ...flags.map((flag) =>
      `complete -c ankylo -n '__fish_seen_subcommand_from ${name}' -l ${flag.replace(/^-+/, "")}`
    ),
  ]);
  return `# fish completion for ankylo\n${lines.join("\n")}\n`;
}

function quote(text: string): string {
  return `'${text.replaceAll("'", " ")}'`;
}
