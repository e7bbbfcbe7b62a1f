/** @file What `.set` sets. */
import { type InterpretOptions, nearest, runnerLibrary } from "../../index.ts";
import { usageFault } from "../usage.ts";

type SettingValue = boolean | number | string;

interface Setting {
  readonly doc: string;
  readonly initial: SettingValue;
  /** The value of a text; undefined if it is none. */
  read(text: string): SettingValue | undefined;
}

const onOff = (doc: string, initial: boolean): Setting => ({
  doc,
  initial,
  read: (text) => (/^(on|true|1)$/.test(text) ? true : /^(off|false|0)$/.test(text) ? false : undefined),
});
const count = (doc: string, initial: number): Setting => ({
  doc,
  initial,
  read: (text) => (/^\d+$/.test(text) ? Number(text) : undefined),
});
const choice = (doc: string, words: readonly string[]): Setting => ({
  doc: `${doc}: ${words.join(", ")}`,
  initial: words[0]!,
  read: (text) => (words.includes(text) ? text : undefined),
});

const table = {
  after: choice("what is shown after passes have run", ["count", "diff", "ir"]),
  elide: count("constants with more elements are not written out in IR", 32),
  evaluate: onOff("functions are run on random inputs before and after each pass, and compared", false),
  generic: onOff("IR is shown in the generic form", false),
  limit: count("values with more elements are not written out", 1000),
  mlir: {
    ...count("whose generic form is shown: 19 or 22", 19),
    read: (t: string) => (/^(19|22)$/.test(t) ? Number(t) : undefined),
  },
  remarks: onOff("what passes say about what they did is shown", false),
  steps: count("programs are stopped after so many ops", 100_000_000),
  time: onOff("the time that each input took is shown", false),
  ulps: count("floats may differ by so many units in the last place when programs are compared", 0),
  unregistered: onOff("ops of unknown dialects are taken as they are", false),
  verify: onOff("programs are verified after each pass", true),
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingName = keyof typeof table;
export const settingNames = Object.keys(table) as SettingName[];

export class Settings {
  readonly #values = new Map<SettingName, SettingValue>(settingNames.map((n) => [n, table[n].initial]));

  get after(): string {
    return String(this.#values.get("after"));
  }
  get elide(): number {
    return Number(this.#values.get("elide"));
  }
  get evaluate(): boolean {
    return this.#values.get("evaluate") === true;
  }
  get generic(): boolean {
    return this.#values.get("generic") === true;
  }
  get limit(): number {
    return Number(this.#values.get("limit"));
  }
  get mlir(): number {
    return Number(this.#values.get("mlir"));
  }
  get remarks(): boolean {
    return this.#values.get("remarks") === true;
  }
  get steps(): number {
    return Number(this.#values.get("steps"));
  }
  get time(): boolean {
    return this.#values.get("time") === true;
  }
  get ulps(): number {
    return Number(this.#values.get("ulps"));
  }
  get unregistered(): boolean {
    return this.#values.get("unregistered") === true;
  }
  get verify(): boolean {
    return this.#values.get("verify") === true;
  }
  /** What programs may call beyond their own functions. */
  readonly externals: NonNullable<InterpretOptions["externals"]> = runnerLibrary;

  set(name: string, text: string): void {
    const key = settingNames.find((n) => n === name);
    if (!key) {
      const near = nearest(name, settingNames);
      throw usageFault(`there is no setting '${name}'`, near ? `did you mean '${near}'?` : ".set lists all");
    }
    const value = table[key].read(text);
    if (value === undefined) throw usageFault(`'${text}' is no value for '${name}'`, `${name}: ${table[key].doc}`);
    this.#values.set(key, value);
  }

  /** All settings with their values, one a line. */
  text(): string {
    const shown = (v: SettingValue | undefined): string => (typeof v === "boolean" ? (v ? "on" : "off") : String(v));
    return settingNames
      .map((n) => `${n.padEnd(13)} ${shown(this.#values.get(n)).padEnd(10)} ${table[n].doc}\n`)
      .join("");
  }
}
