// Collects the interfaces of published contracts, for tests of what policies see: one line of abis.jsonl per distinct
// set of state-changing functions, and one line of bytecodes.jsonl per contract of bytecodes.json, which tests execute.
//
//   node contracts/corpus/collect.mjs           download the packages of packages.json, write both
//   node contracts/corpus/collect.mjs --pin     the same, and write the integrity of packages that have none
//
// Nothing of a package is installed or linked: its archive is read, and no script of it runs outside a sandbox without
// modules, files or network.

import { execFileSync } from "node:child_process";
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import vm from "node:vm";

const here = path.dirname(fileURLToPath(import.meta.url));
const archives = path.join(here, "packages");
const list = path.join(here, "packages.json");
const pin = process.argv.includes("--pin");
// Archives are read whole; no published interface is larger.
const MAX_FILE = 4 * 1024 * 1024;

function main() {
  const packages = JSON.parse(fs.readFileSync(list, "utf8"));
  fs.mkdirSync(archives, { recursive: true });
  const seen = new Set();
  const lines = [];
  for (const entry of packages) {
    const archive = download(entry);
    for (const [file, text] of files(archive)) {
      for (const [name, abi] of interfaces(file, text)) {
        const functions = stateChanging(abi);
        const key = functions.join("|");
        if (functions.length === 0 || seen.has(key)) continue;
        seen.add(key);
        lines.push(JSON.stringify({ package: entry.package, file, contract: name, abi }));
      }
    }
  }
  if (pin) fs.writeFileSync(list, `[\n${packages.map((entry) => `  ${JSON.stringify(entry)}`).join(",\n")}\n]\n`);
  fs.writeFileSync(path.join(here, "abis.jsonl"), `${lines.join("\n")}\n`);
  console.log(`${lines.length} interfaces of ${packages.length} packages`);
  const codes = bytecodes(packages);
  fs.writeFileSync(path.join(here, "bytecodes.jsonl"), `${codes.map((code) => JSON.stringify(code)).join("\n")}\n`);
  console.log(`${codes.length} contracts with bytecode`);
}

// The contracts that tests execute. `bytecode` creates the contract; where a package has only the code of a deployed
// contract, as for Permit2, it is that.
function bytecodes(packages) {
  const wanted = JSON.parse(fs.readFileSync(path.join(here, "bytecodes.json"), "utf8"));
  return wanted.flatMap((entry) => {
    const archive = download(packages.find((item) => item.package === entry.package && item.version === entry.version));
    return entry.files.map((file) => code(entry.package, archive, `package/${entry.folder}/${file}`));
  });
}

function code(name, archive, file) {
  const text = execFileSync("tar", ["-xzOf", archive, file], { encoding: "utf8", maxBuffer: MAX_FILE });
  const artifact = JSON.parse(text);
  const { abi, bytecode, evm } = artifact.compilerOutput ?? artifact;
  const hex = bytecode?.object ?? bytecode ?? evm.bytecode.object;
  if (!/^(0x)?([0-9a-f]{2})+$/i.test(hex)) throw new Error(`${name} ${file} has no linked bytecode`);
  const contract = path.basename(file, ".json");
  return { package: name, contract, file, abi: abi ?? [], bytecode: `0x${hex.replace(/^0x/, "")}` };
}

// The archive of a package, verified; npm downloads it from the configured registry.
function download(entry) {
  const file = path.join(archives, `${entry.package.replace("@", "").replace("/", "-")}-${entry.version}.tgz`);
  if (!fs.existsSync(file)) {
    const spec = `${entry.package}@${entry.version}`;
    execFileSync("npm", ["pack", "--silent", "--ignore-scripts", "--pack-destination", archives, spec]);
  }
  const integrity = `sha512-${crypto.createHash("sha512").update(fs.readFileSync(file)).digest("base64")}`;
  if (pin) entry.integrity ??= integrity;
  if (integrity !== entry.integrity) {
    fs.rmSync(file);
    throw new Error(`${entry.package}@${entry.version} has integrity ${integrity}, not ${entry.integrity}`);
  }
  return file;
}

// The files of an archive that may hold an interface, in the order of their names.
function* files(archive) {
  const folder = fs.mkdtempSync(path.join(archives, "open-"));
  try {
    const wanted = ["--wildcards", "*.json", "*abi*.js", "*abi*.cjs", "*abis/*.cjs"];
    try {
      execFileSync("tar", ["-xzf", archive, "-C", folder, "--no-same-owner", ...wanted], { stdio: "ignore" });
    } catch {
      // tar fails if one of the patterns matches nothing.
    }
    const found = fs.readdirSync(folder, { recursive: true, withFileTypes: true });
    const names = found.filter((item) => item.isFile()).map((item) => path.join(item.parentPath, item.name));
    for (const name of names.sort()) {
      if (/\.(json|js|cjs)$/.test(name) && fs.statSync(name).size <= MAX_FILE) {
        yield [path.relative(folder, name), fs.readFileSync(name, "utf8")];
      }
    }
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
}

// The interfaces in a file, by name.
function interfaces(file, text) {
  const name = path.basename(file).replace(/\.(abi\.)?(json|js|cjs)$/, "");
  const values = file.endsWith(".json") ? [[name, parsed(text)]] : exported(text);
  return values.flatMap(([name, value]) => named(name, value));
}

function named(name, value) {
  if (isInterface(value)) return [[name, value]];
  if (value === null || typeof value !== "object" || Array.isArray(value)) return [];
  const inner = value.abi ?? value.compilerOutput?.abi;
  if (inner !== undefined) return isInterface(inner) ? [[value.contractName ?? name, inner]] : [];
  // A file with the interfaces of several contracts, by name.
  return Object.entries(value)
    .map(([name, value]) => [name, isInterface(value) ? value : value?.abi])
    .filter(([, value]) => isInterface(value));
}

function isInterface(value) {
  const isEntry = (entry) => entry !== null && typeof entry === "object" && typeof entry.type === "string";
  return Array.isArray(value) && value.every(isEntry) && value.some((entry) => entry.type === "function");
}

function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

// What a script exports that uses no other module.
function exported(text) {
  const module = { exports: {} };
  const context = vm.createContext({ module, exports: module.exports }, { codeGeneration: { strings: false, wasm: false } });
  try {
    vm.runInContext(text, context, { timeout: 1000 });
    return Object.entries(JSON.parse(JSON.stringify(module.exports)));
  } catch {
    return [];
  }
}

// The signatures of the functions that a transaction may call.
function stateChanging(abi) {
  const isView = (entry) => ["view", "pure"].includes(entry.stateMutability) || entry.constant === true;
  const type = (input) =>
    input.type.startsWith("tuple") ? `(${(input.components ?? []).map(type)})${input.type.slice(5)}` : input.type;
  const functions = abi.filter((entry) => entry.type === "function" && !isView(entry));
  return functions.map((entry) => `${entry.name}(${(entry.inputs ?? []).map(type)})`).sort();
}

main();
