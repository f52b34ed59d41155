/**
 * Runs `ankylo serve` as a process of its own.
 *
 * @module
 */

const root = new URL("../../../", import.meta.url).pathname;

/** A process that runs. */
export interface ServeProcess {
  readonly child: Deno.ChildProcess;
  readonly url: string;
  /** Resolves with the exit code and all that stderr said. */
  finish(): Promise<{ code: number; signal: Deno.Signal | null; stderr: string }>;
}

/** Returns a command of the program with the permissions of `deno task start`. */
export function programCommand(args: readonly string[], folder: string): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--allow-net=127.0.0.1",
      `--allow-read=${folder},./storage`,
      `--allow-write=${folder}`,
      "--allow-env=ANKYLO_*",
      "--allow-sys=statfs",
      "server/main.ts",
      ...args,
    ],
    cwd: root,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

/** Runs a command line as a process to its end. */
export async function runProgram(
  args: readonly string[],
  folder: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const { code, stdout, stderr } = await programCommand(args, folder).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Starts a node and waits until it says that it is ready. */
export async function spawnServe(
  folder: string,
  flags: readonly string[] = [],
): Promise<ServeProcess> {
  const args = ["serve", "--data-dir", `${folder}/data`, "--listen", "127.0.0.1:0"];
  return await untilReady(
    programCommand([...args, "--log-segment-size", "32MiB", ...flags], folder).spawn(),
  );
}

/** Starts a node over a disk whose syncs fail once a file of that name is there. */
export async function spawnFailing(folder: string, brokenPath: string): Promise<ServeProcess> {
  const script = new URL("./failing_serve.ts", import.meta.url).pathname;
  return await untilReady(
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-prompt", script, `${folder}/data`, brokenPath],
      cwd: root,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn(),
  );
}

async function untilReady(child: Deno.ChildProcess): Promise<ServeProcess> {
  const stderr = new Response(child.stderr).text();
  const reader = child.stdout.getReader();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error(`Cannot start: ${await stderr}`);
    text += new TextDecoder().decode(value);
  }
  await reader.cancel();
  const url = /^ready (http:\/\/\S+)\n$/.exec(text)?.[1];
  if (url === undefined) throw new Error(`Cannot read the ready line: ${JSON.stringify(text)}`);
  return {
    child,
    url,
    finish: async () => {
      const { code, signal } = await child.status;
      return { code, signal, stderr: await stderr };
    },
  };
}

/** Gives a test a folder of its own. */
export async function withFolder(test: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "ankylo_serve_" });
  try {
    await test(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
