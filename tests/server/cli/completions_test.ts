import { deepEqual, equal, match } from "node:assert/strict";
import { cli } from "./harness.ts";

Deno.test("completions bash completes verbs and options in bash", async () => {
  const { stdout } = await cli(["completions", "bash"]);
  const complete = async (...words: string[]) => {
    const list = words.map((word) => `'${word}'`).join(" ");
    const script = `${stdout}\nCOMP_WORDS=(${list}); COMP_CWORD=${words.length - 1}; _ankylo; ` +
      'echo "${COMPREPLY[@]}"';
    const output = await new Deno.Command("bash", { args: ["-u", "-c", script] }).output();
    equal(new TextDecoder().decode(output.stderr), "");
    return new TextDecoder().decode(output.stdout).trim();
  };
  deepEqual(await complete("ankylo", "imp"), "import");
  deepEqual(await complete("ankylo", "put", "--if-"), "--if-match --if-absent");
  deepEqual(await complete("ankylo", "serve", "--data"), "--data-dir");
  deepEqual(await complete("ankylo", "retention", "re"), "remove");
  deepEqual(await complete("ankylo", "retention", "set", "--key"), "--key-base64");
});

Deno.test("completions zsh and fish name every verb", async () => {
  match((await cli(["completions", "zsh"])).stdout, /#compdef ankylo[^]*import\) compadd --/);
  match((await cli(["completions", "fish"])).stdout, /-a import -d '[^']+'\n/);
  match(
    (await cli(["completions", "zsh"])).stdout,
    /retention\) compadd -- list set remove; return/,
  );
  match((await cli(["completions", "fish"])).stdout, /from retention' -a remove\n/);
  equal((await cli(["completions", "tcsh"])).exitCode, 2);
});
