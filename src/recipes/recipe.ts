import { readFileSync } from 'node:fs';
import { basename, extname, join } from 'node:path';
import { CodedError, messageOf } from '../base/errors.ts';
import { nearest } from '../base/nearest.ts';
import type { MemberStatus } from '../events/event.ts';

/** A recipe: a folder of plain files that makes one file, or one handler, follow the cluster. */

/** The file that makes a folder a recipe. */
export const RECIPE_FILE = 'recipe.json';

/** A recipe is a page; more is some other file named by mistake. */
const LARGEST_RECIPE_BYTES = 256 << 10;

/** As for renderers and handlers: it goes into file names and command lines. */
const NAME = /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/;
const OPTION = /^[a-z][a-z0-9_]*$/;

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

export type JsonObject = Readonly<Record<string, JsonValue>>;

/** Something an operator may set with `-set NAME=VALUE`. */
export interface RecipeOption {
  /** One line. */
  readonly what: string;
  /** `path`, `command`, another grammar of renderers, or a regular expression between slashes. */
  readonly grammar: string;
  /** Undefined: it has to be given. Empty: the recipe does without it. */
  readonly default: string | undefined;
}

/** A sentence with `$option` where a value goes; not said when the option `unless` has a value. */
export interface RecipeNote {
  readonly text: string;
  readonly unless: string | undefined;
}

/** The program that reads the file, as its own judge. */
export interface Checker {
  /** `{staged}` is the rendered file, `{wrap}` the file around it, `{work}` an empty directory, `{folder}` the recipe. */
  readonly argv: readonly string[];
  /** The Debian package that has it. */
  readonly package: string;
  /** A file of the recipe that leads the program to the rendered one; `{staged}` and `{work}` in it are filled in. */
  readonly wrap: string | undefined;
  /** What the rendered file is called where the program insists; the target's own name otherwise. */
  readonly name: string | undefined;
}

export interface Recipe {
  readonly name: string;
  readonly folder: string;
  /** One line, for lists. */
  readonly summary: string;
  /** Which members it lists by status, and why those. */
  readonly lists: { readonly statuses: readonly MemberStatus[]; readonly why: string };
  readonly options: ReadonlyMap<string, RecipeOption>;
  /** Files that are installed, by the word that stands for their path in the configuration (`$template`). */
  readonly files: ReadonlyMap<string, string>;
  /** The configuration it adds, with `$OPTION` and `$FILE` where values go. */
  readonly renderer: JsonObject | undefined;
  readonly handler: JsonObject | undefined;
  /** What a sandboxed agent must be allowed to write: the target alone, its directory, or nothing. */
  readonly writable: 'file' | 'directory' | 'nothing';
  readonly checker: Checker | undefined;
  /** Why there is no checker. */
  readonly unchecked: string;
  /** What is to be done once, by hand, for the file to be of use. */
  readonly notes: readonly RecipeNote[];
}

const KEYS = [
  'summary',
  'lists',
  'options',
  'files',
  'renderer',
  'handler',
  'writable',
  'checker',
  'unchecked',
  'notes',
];
const STATUSES = ['alive', 'leaving', 'left', 'failed'] as const satisfies readonly MemberStatus[];
const WRITABLE = ['file', 'directory', 'nothing'] as const;

/**
 * Reads the recipe in a folder.
 *
 * @throws CodedError `ERR_RECIPE` naming the file and the field
 */
export function readRecipe(folder: string): Recipe {
  const path = join(folder, RECIPE_FILE);
  const wrong = (why: string, cause?: unknown): CodedError =>
    new CodedError('ERR_RECIPE', `${path}: ${why}`, { cause });
  let value: unknown;
  try {
    const bytes = readFileSync(path);
    if (bytes.length > LARGEST_RECIPE_BYTES) throw new Error(`larger than ${LARGEST_RECIPE_BYTES} bytes`);
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw wrong(messageOf(error), error);
  }
  const name = basename(folder);
  if (!NAME.test(name)) throw wrong(`'${name}' is no name: up to 64 letters, digits, '_', '-' and '.'`);
  return new Reader(wrong).recipe(name, folder, value);
}

/**
 * The bytes of a file of the recipe.
 *
 * @throws CodedError `ERR_RECIPE` when it is not there
 */
export function recipeFile({ name, folder }: Pick<Recipe, 'name' | 'folder'>, file: string): Buffer {
  try {
    return readFileSync(join(folder, file));
  } catch (error) {
    throw new CodedError('ERR_RECIPE', `recipe ${name}: ${messageOf(error)}`, { cause: error });
  }
}

/** Reads one recipe's fields; every complaint goes through `wrong`. */
class Reader {
  readonly #wrong: (why: string) => CodedError;

  constructor(wrong: (why: string) => CodedError) {
    this.#wrong = wrong;
  }

  recipe(name: string, folder: string, value: unknown): Recipe {
    const root = this.#object('it', value);
    for (const key of Object.keys(root)) {
      if (KEYS.includes(key)) continue;
      const guess = nearest(key, KEYS);
      throw this.#wrong(`unknown key '${key}'${guess === undefined ? '' : `, did you mean '${guess}'?`}`);
    }
    const { renderer, handler, checker } = root;
    if (renderer === undefined && handler === undefined)
      throw this.#wrong("it has no 'renderer' or 'handler'");
    const writable = WRITABLE.find((one) => one === (root['writable'] ?? 'directory'));
    if (writable === undefined) throw this.#wrong(`'writable' must be one of ${WRITABLE.join(', ')}`);
    return {
      name,
      folder,
      summary: this.#text('summary', root['summary']),
      lists: this.#lists(root['lists']),
      options: this.#options(root['options'] ?? {}),
      files: this.#files(root['files'] ?? {}),
      renderer: renderer === undefined ? undefined : this.#object('renderer', renderer),
      handler: handler === undefined ? undefined : this.#object('handler', handler),
      writable,
      checker: checker === undefined ? undefined : this.#checker(checker),
      unchecked: checker === undefined ? this.#text('unchecked', root['unchecked']) : '',
      notes: this.#notes(root['notes'] ?? []),
    };
  }

  #lists(value: unknown): Recipe['lists'] {
    const { statuses, why } = this.#object('lists', value);
    const known = this.#texts('lists.statuses', statuses).map((text) => {
      const status = STATUSES.find((one) => one === text);
      if (status === undefined) throw this.#wrong(`'lists.statuses' holds '${text}', which is no status`);
      return status;
    });
    return { statuses: known, why: this.#text('lists.why', why) };
  }

  #options(value: unknown): ReadonlyMap<string, RecipeOption> {
    const entries = Object.entries(this.#object('options', value)).map(([name, fields]) => {
      if (!OPTION.test(name))
        throw this.#wrong(`'options.${name}': write it in small letters, digits and '_'`);
      const option = this.#object(`options.${name}`, fields);
      const preset = option['default'];
      return [
        name,
        {
          what: this.#text(`options.${name}.what`, option['what']),
          grammar: this.#text(`options.${name}.grammar`, option['grammar']),
          default: preset === undefined ? undefined : this.#text(`options.${name}.default`, preset, true),
        },
      ] as const;
    });
    return new Map(entries);
  }

  /** Each is installed under the recipe's name, so that endings must differ. */
  #files(value: unknown): ReadonlyMap<string, string> {
    const files = new Map<string, string>();
    const endings = new Set(['.json', '.recipe']);
    for (const [word, file] of Object.entries(this.#object('files', value))) {
      const path = this.#inside(`files.${word}`, file);
      if (!OPTION.test(word)) throw this.#wrong(`'files.${word}': write it in small letters, digits and '_'`);
      if (endings.has(extname(path)))
        throw this.#wrong(`'files.${word}': no second file may end in '${extname(path)}'`);
      endings.add(extname(path));
      files.set(word, path);
    }
    return files;
  }

  #notes(value: unknown): readonly RecipeNote[] {
    if (!Array.isArray(value)) throw this.#wrong("'notes' must be a list");
    return value.map((entry: unknown) => {
      if (typeof entry === 'string') return { text: entry, unless: undefined };
      const { text, unless } = this.#object('notes', entry);
      return {
        text: this.#text('notes.text', text),
        unless: unless === undefined ? undefined : this.#text('notes.unless', unless),
      };
    });
  }

  #checker(value: unknown): Checker {
    const fields = this.#object('checker', value);
    const { wrap, name } = fields;
    const argv = this.#texts('checker.argv', fields['argv']);
    if (argv.length === 0) throw this.#wrong("'checker.argv' is empty");
    return {
      argv,
      package: this.#text('checker.package', fields['package']),
      wrap: wrap === undefined ? undefined : this.#inside('checker.wrap', wrap),
      name: name === undefined ? undefined : this.#inside('checker.name', name),
    };
  }

  #object(where: string, value: unknown): JsonObject {
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
    throw this.#wrong(`${where === 'it' ? where : `'${where}'`} must be an object`);
  }

  #text(where: string, value: unknown, mayBeEmpty = false): string {
    if (typeof value === 'string' && (mayBeEmpty || value !== '')) return value;
    throw this.#wrong(`'${where}' must be a text`);
  }

  #texts(where: string, value: unknown): readonly string[] {
    if (Array.isArray(value) && value.every((one) => typeof one === 'string')) return value as string[];
    throw this.#wrong(`'${where}' must be a list of texts`);
  }

  /** A path in the recipe's folder. */
  #inside(where: string, value: unknown): string {
    const path = this.#text(where, value);
    if (/^[A-Za-z0-9_][A-Za-z0-9_./-]*$/.test(path) && !path.split('/').includes('..')) return path;
    throw this.#wrong(`'${where}' must be the path of a file in the recipe's folder`);
  }
}
