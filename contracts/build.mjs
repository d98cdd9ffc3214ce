// Compiles contracts/src/*.sol into contracts/artifacts/<Name>.json, and the contracts that only tests execute,
// contracts/executions/src/*.sol, into contracts/executions/artifacts/<Name>.json, the same bytes on every machine.
//
//   node contracts/build.mjs           write the artifacts
//   node contracts/build.mjs --check   write nothing; fail if the committed artifacts differ
//
// Compiler and library are the npm packages of package-lock.json (`npm ci --ignore-scripts` or `cargo xtask setup`).

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import solc from "solc";

const here = path.dirname(fileURLToPath(import.meta.url));
// The oldest EVM version of all supported chains (no PUSH0, no transient storage), except where the library needs MCOPY.
const evmVersion = (name) => (["DemoCollectible", "DemoItems", "PermitToken"].includes(name) ? "cancun" : "paris");

// Runtime bytecode is kept where tests compare it with the chain.
const folders = [
  { at: here, evmVersion, runtime: true },
  { at: path.join(here, "executions"), evmVersion: () => "cancun", runtime: false },
];

const settings = (evmVersion) => ({
  optimizer: { enabled: true, runs: 200 },
  evmVersion,
  // No source hash in the bytecode: comments do not change the artifacts.
  metadata: { bytecodeHash: "none" },
});

const outputSelection = { "*": { "*": ["abi", "evm.bytecode.object", "evm.deployedBytecode.object"] } };

function names(folder) {
  const files = fs.readdirSync(path.join(folder.at, "src")).filter((file) => file.endsWith(".sol"));
  return files.map((file) => path.basename(file, ".sol")).sort();
}

// Normalize line ends, which depend on the checkout.
function read(file) {
  return fs.readFileSync(file, "utf8").replaceAll("\r\n", "\n");
}

function imported(name) {
  const file = path.join(here, "node_modules", name);
  return fs.existsSync(file) ? { contents: read(file) } : { error: `${name} is not installed: npm ci --ignore-scripts` };
}

function compile(folder, name) {
  const file = `src/${name}.sol`;
  const used = settings(folder.evmVersion(name));
  const input = {
    language: "Solidity",
    sources: { [file]: { content: read(path.join(folder.at, file)) } },
    settings: { ...used, outputSelection },
  };
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: imported }));
  // Warnings fail the build, except those about the library.
  const isOurs = (error) => error.severity === "error" || !error.sourceLocation?.file.startsWith("@openzeppelin/");
  const errors = (output.errors ?? []).filter(isOurs);
  for (const error of errors) console.error(error.formattedMessage);
  if (errors.length) process.exit(1);
  return artifact(name, output.contracts[file][name], used, folder.runtime);
}

function artifact(name, contract, used, runtime) {
  if (!contract) throw new Error(`src/${name}.sol contains no contract ${name}`);
  return {
    contractName: name,
    abi: contract.abi,
    bytecode: `0x${contract.evm.bytecode.object}`,
    ...(runtime && { deployedBytecode: `0x${contract.evm.deployedBytecode.object}` }),
    solc: solc.version(),
    settings: used,
  };
}

// One contract per file, named like the file.
function built(folder) {
  const text = (name) => `${JSON.stringify(compile(folder, name), null, 1)}\n`;
  return new Map(names(folder).map((name) => [`${name}.json`, text(name)]));
}

function stale(artifacts, files) {
  const committed = fs.existsSync(artifacts) ? fs.readdirSync(artifacts).filter((name) => name.endsWith(".json")) : [];
  const names = new Set([...committed, ...files.keys()]);
  const differs = (name) => !committed.includes(name) || read(path.join(artifacts, name)) !== files.get(name);
  return [...names].sort().filter(differs);
}

function check(artifacts, files) {
  const differing = stale(artifacts, files);
  const shown = path.relative(path.dirname(here), artifacts);
  for (const name of differing) console.error(`${shown}/${name} does not match its source`);
  if (differing.length) process.exit(1);
  console.log(`${files.size} contracts: the committed artifacts match the sources`);
}

function write(artifacts, files) {
  const differing = stale(artifacts, files);
  fs.mkdirSync(artifacts, { recursive: true });
  for (const name of differing) {
    if (files.has(name)) fs.writeFileSync(path.join(artifacts, name), files.get(name));
    else fs.rmSync(path.join(artifacts, name));
  }
  console.log(`${files.size} contracts, ${differing.length} changed`);
}

for (const folder of folders) {
  const act = process.argv.includes("--check") ? check : write;
  act(path.join(folder.at, "artifacts"), built(folder));
}
