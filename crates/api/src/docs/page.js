"use strict";
// Renders /openapi.json: every route with its parameters, body and answers, and a form to try it.

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEPTH = 6;
let description;

function make(tag, attributes = {}, ...children) {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(...children);
  return element;
}

function resolve(schema) {
  if (!schema || !schema.$ref) return schema || {};
  const name = schema.$ref.split("/").pop();
  return description.components.schemas[name] || {};
}

function typeOf(schema) {
  const name = schema && schema.$ref ? schema.$ref.split("/").pop() : "";
  const found = resolve(schema);
  if (found.type === "array") return `list of ${typeOf(found.items)}`;
  const type = Array.isArray(found.type) ? found.type.join(" or ") : found.type;
  return name || type || (found.oneOf || found.anyOf ? "one of several" : "any");
}

// A value in the shape of a schema, to begin with.
function sample(schema, depth = 0) {
  const found = resolve(schema);
  if (depth > DEPTH) return null;
  if (found.example !== undefined) return found.example;
  const variant = (found.oneOf || found.anyOf || []).find((one) => one.type !== "null");
  if (variant) return sample(variant, depth + 1);
  const type = Array.isArray(found.type) ? found.type.find((one) => one !== "null") : found.type;
  if (found.enum) return found.enum[0];
  if (type === "array") return [sample(found.items, depth + 1)];
  if (type === "integer" || type === "number") return 0;
  if (type === "boolean") return false;
  if (type === "string") return "";
  const members = Object.entries(found.properties || {});
  const needed = new Set(found.required || []);
  return Object.fromEntries(members.filter(([name]) => needed.has(name)).map(([name, of]) => [name, sample(of, depth + 1)]));
}

function fields(schema) {
  const found = resolve(schema);
  const needed = new Set(found.required || []);
  const rows = Object.entries(found.properties || {}).map(([name, of]) => {
    const says = of.description || resolve(of).description || "";
    return make("tr", {}, make("td", {}, make("code", { textContent: name + (needed.has(name) ? " *" : "") })),
      make("td", { textContent: typeOf(of) }), make("td", { textContent: says }));
  });
  return rows.length ? make("table", {}, ...rows) : make("p", { textContent: typeOf(schema) });
}

function shapeOf(content) {
  const kinds = Object.entries(content || {});
  return kinds.length ? { kind: kinds[0][0], schema: kinds[0][1].schema } : null;
}

function parameterInputs(operation) {
  return (operation.parameters || []).map((parameter) => {
    const input = make("input", { placeholder: typeOf(parameter.schema), ariaLabel: parameter.name });
    const name = parameter.name + (parameter.required ? " *" : "");
    const row = make("tr", {}, make("td", {}, make("code", { textContent: name })), make("td", { textContent: parameter.in }),
      make("td", {}, input), make("td", { textContent: parameter.description || "" }));
    return { parameter, input, row };
  });
}

function address(path, inputs) {
  const base = description.servers[0].url;
  const query = new URLSearchParams();
  let filled = path;
  for (const { parameter, input } of inputs) {
    // A name may hold slashes (a qualified name): they stay as they are.
    if (parameter.in === "path") filled = filled.replace(new RegExp(`{\\*?${parameter.name}}`), input.value.split("/").map(encodeURIComponent).join("/"));
    if (parameter.in === "query" && input.value) query.append(parameter.name, input.value);
  }
  return base + filled + (query.size ? `?${query}` : "");
}

async function send(method, path, inputs, body, kind, output) {
  const headers = {};
  const key = document.getElementById("key").value;
  if (key) headers.Authorization = `Bearer ${key}`;
  if (body) headers["Content-Type"] = kind;
  for (const { parameter, input } of inputs) if (parameter.in === "header" && input.value) headers[parameter.name] = input.value;
  output.hidden = false;
  output.textContent = "…";
  try {
    const answer = await fetch(address(path, inputs), { method: method.toUpperCase(), headers, body: body ? body.value : undefined });
    const text = await answer.text();
    output.textContent = `${answer.status} ${answer.statusText}\n${pretty(text)}`;
  } catch (error) {
    output.textContent = String(error);
  }
}

// Numbers keep their digits: text that reading would change stays as it came.
function pretty(text) {
  if (/\d{16}/.test(text.replace(/"(?:[^"\\]|\\.)*"/g, ""))) return text;
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function form(method, path, operation) {
  const inputs = parameterInputs(operation);
  const shape = shapeOf(operation.requestBody && operation.requestBody.content);
  const body = shape && make("textarea", { value: shape.kind.includes("json") ? JSON.stringify(sample(shape.schema), null, 2) : "", ariaLabel: "Body" });
  const output = make("pre", { hidden: true });
  const button = make("button", { textContent: "Send" });
  button.addEventListener("click", () => send(method, path, inputs, body, shape && shape.kind, output));
  const parts = [];
  if (inputs.length) parts.push(make("h3", { textContent: "Parameters" }), make("table", {}, ...inputs.map((one) => one.row)));
  if (body) parts.push(make("h3", { textContent: `Body: ${typeOf(shape.schema)}` }), fields(shape.schema), body);
  return [...parts, button, output];
}

function answers(operation) {
  return Object.entries(operation.responses || {}).map(([status, answer]) => {
    const shape = shapeOf(answer.content);
    const says = `${status} ${shape ? typeOf(shape.schema) : ""} ${answer.description || ""}`;
    const rest = shape && !/^[45]/.test(status) ? [fields(shape.schema)] : [];
    return make("div", {}, make("h3", { textContent: says }), ...rest);
  });
}

function route(method, path, operation) {
  const says = operation.summary || (operation.description || "").split("\n")[0];
  const head = make("summary", {}, make("span", { className: `method ${method}`, textContent: method }), make("code", { textContent: path }), make("span", { textContent: says }));
  const details = make("details", {}, head);
  details.dataset.words = `${method} ${path} ${says}`.toLowerCase();
  // Filled when it is opened: a page of a hundred forms would be slow.
  details.addEventListener("toggle", () => {
    if (!details.open || details.children.length > 1) return;
    details.append(make("div", { className: "body" }, make("p", { textContent: operation.description || "" }), ...form(method, path, operation), ...answers(operation)));
  });
  return details;
}

function render() {
  const groups = new Map();
  for (const [path, item] of Object.entries(description.paths)) {
    for (const method of METHODS.filter((one) => item[one])) {
      const tag = (item[method].tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(route(method, path, item[method]));
    }
  }
  const sections = [...groups].map(([tag, routes]) => make("section", {}, make("h2", { textContent: tag }), ...routes));
  document.getElementById("routes").replaceChildren(...sections);
}

function narrow(words) {
  for (const details of document.querySelectorAll("details")) details.hidden = !details.dataset.words.includes(words);
  for (const section of document.querySelectorAll("section")) section.hidden = !section.querySelector("details:not([hidden])");
}

document.getElementById("filter").addEventListener("input", (event) => narrow(event.target.value.toLowerCase()));
fetch("/openapi.json").then((answer) => answer.json()).then((found) => { description = found; render(); });
