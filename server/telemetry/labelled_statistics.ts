/**
 * What of the node's statistics needs a label: levels of the tree, versions by state, and what holds
 * the watermark back.
 *
 * Labels are bounded: a tree has seven levels, a version two states, and a holder one of ten kinds;
 * a kind that is not known is `other`.
 *
 * @module
 */

/** One value of a gauge family. */
export interface LabelledValue {
  readonly label: string;
  readonly value: number;
}

/** A gauge family with one label. */
export interface LabelledFamily {
  readonly name: string;
  readonly help: string;
  readonly labelName: string;
  readonly values: readonly LabelledValue[];
}

/** Of a node's statistics, what is looked at. What a node does not tell is left out. */
export interface LookedAtStatistics {
  readonly tree?: {
    readonly levels?: readonly LookedAtLevel[];
    readonly memtableEntryCount?: number;
    readonly deadEntryCount?: number;
  };
  readonly time?: { readonly watermarkHolderKind?: string };
}

interface LookedAtLevel {
  readonly tableCount: number;
  readonly sizeBytes: number;
  readonly entryCount: number;
  readonly tombstoneCount: number;
}

const holderKinds: readonly string[] = [
  "retention",
  "rule",
  "cursor",
  "stream",
  "read",
  "export",
  "backup",
  "watch",
  "other",
];

const levelFamilies: readonly (readonly [keyof LookedAtLevel, string, string])[] = [
  ["tableCount", "ankylo_tree_level_tables", "Sstables of a level"],
  ["sizeBytes", "ankylo_tree_level_size_bytes", "What the sstables of a level take"],
  ["entryCount", "ankylo_tree_level_entries", "Entries of a level, tombstones included"],
  ["tombstoneCount", "ankylo_tree_level_tombstones", "Tombstones of a level"],
];

/** Returns the families with a label. */
export function labelledStatistics(statistics: LookedAtStatistics): LabelledFamily[] {
  const { tree = {}, time = {} } = statistics;
  const families: LabelledFamily[] = [];
  const { levels = [], deadEntryCount } = tree;
  for (const [field, name, help] of levelFamilies) {
    const values = levels.map((level, index) => ({ label: String(index), value: level[field] }));
    if (values.length > 0) families.push({ name, help, labelName: "level", values });
  }
  if (deadEntryCount !== undefined) {
    const entryCount = levels.reduce((sum, level) => sum + level.entryCount, 0) +
      (tree.memtableEntryCount ?? 0);
    families.push({
      name: "ankylo_versions",
      help: "Entries kept: live ones, and those superseded or deleted, readable or not; estimated",
      labelName: "state",
      values: [
        { label: "live", value: Math.max(0, entryCount - deadEntryCount) },
        { label: "dead", value: deadEntryCount },
      ],
    });
  }
  if (time.watermarkHolderKind !== undefined) {
    const known = holderKinds.includes(time.watermarkHolderKind)
      ? time.watermarkHolderKind
      : "other";
    families.push({
      name: "ankylo_watermark_holder",
      help: "1 for the kind of thing that the watermark waits for, 0 for the others",
      labelName: "kind",
      values: holderKinds.map((kind) => ({ label: kind, value: kind === known ? 1 : 0 })),
    });
  }
  return families;
}
