"use strict";
// Renders /openapi.json: every route with its parameters, body and responses, and a form to send requests.

const METHODS = ["get", "post", "put", "patch", "delete"];
const DEPTH = 6;
let spec;

function make(tag, attributes = {}, ...children) {
  const element = Object.assign(document.createElement(tag), attributes);
  element.append(...children);
  return element;
}

function resolve(schema) {
  if (!schema || !schema.$ref) return schema || {};
  const name = schema.$ref.split("/").pop();
  return spec.components.schemas[name] || {};
}

function typeOf(schema) {
  const name = schema && schema.$ref ? schema.$ref.split("/").pop() : "";
  const resolved = resolve(schema);
  if (resolved.type === "array") return `list of ${typeOf(resolved.items)}`;
  const type = Array.isArray(resolved.type) ? resolved.type.join(" or ") : resolved.type;
  return name || type || (resolved.oneOf || resolved.anyOf ? "one of several" : "any");
}

// An example value of a schema.
function sample(schema, depth = 0) {
  const resolved = resolve(schema);
  if (depth > DEPTH) return null;
  if (resolved.example !== undefined) return resolved.example;
  const variant = (resolved.oneOf || resolved.anyOf || []).find((option) => option.type !== "null");
  if (variant) return sample(variant, depth + 1);
  const type = Array.isArray(resolved.type) ? resolved.type.find((option) => option !== "null") : resolved.type;
  if (resolved.enum) return resolved.enum[0];
  if (type === "array") return [sample(resolved.items, depth + 1)];
  if (type === "integer" || type === "number") return 0;
  if (type === "boolean") return false;
  if (type === "string") return "";
  const members = Object.entries(resolved.properties || {});
  const required = new Set(resolved.required || []);
  return Object.fromEntries(members.filter(([name]) => required.has(name)).map(([name, property]) => [name, sample(property, depth + 1)]));
}

function fields(schema) {
  const resolved = resolve(schema);
  const required = new Set(resolved.required || []);
  const rows = Object.entries(resolved.properties || {}).map(([name, property]) => {
    const text = property.description || resolve(property).description || "";
    return make("tr", {}, make("td", {}, make("code", { textContent: name + (required.has(name) ? " *" : "") })),
      make("td", { textContent: typeOf(property) }), make("td", { textContent: text }));
  });
  return rows.length ? make("table", {}, ...rows) : make("p", { textContent: typeOf(schema) });
}

function contentOf(content) {
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

function requestUrl(path, inputs) {
  const base = spec.servers[0].url;
  const query = new URLSearchParams();
  let filled = path;
  for (const { parameter, input } of inputs) {
    // The slash of a qualified name is not escaped.
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
    const response = await fetch(requestUrl(path, inputs), { method: method.toUpperCase(), headers, body: body ? body.value : undefined });
    const text = await response.text();
    output.textContent = `${response.status} ${response.statusText}\n${pretty(text)}`;
  } catch (error) {
    output.textContent = String(error);
  }
}

// A body with numbers that JSON.parse would round is shown unchanged.
function pretty(text) {
  if (/\d{16}/.test(text.replace(/"(?:[^"\\]|\\.)*"/g, ""))) return text;
  try { return JSON.stringify(JSON.parse(text), null, 2); } catch { return text; }
}

function form(method, path, operation) {
  const inputs = parameterInputs(operation);
  const shape = contentOf(operation.requestBody && operation.requestBody.content);
  const body = shape && make("textarea", { value: shape.kind.includes("json") ? JSON.stringify(sample(shape.schema), null, 2) : "", ariaLabel: "Body" });
  const output = make("pre", { hidden: true });
  const button = make("button", { textContent: "Send" });
  button.addEventListener("click", () => send(method, path, inputs, body, shape && shape.kind, output));
  const parts = [];
  if (inputs.length) parts.push(make("h3", { textContent: "Parameters" }), make("table", {}, ...inputs.map((input) => input.row)));
  if (body) parts.push(make("h3", { textContent: `Body: ${typeOf(shape.schema)}` }), fields(shape.schema), body);
  return [...parts, button, output];
}

function responses(operation) {
  return Object.entries(operation.responses || {}).map(([status, response]) => {
    const shape = contentOf(response.content);
    const title = `${status} ${shape ? typeOf(shape.schema) : ""} ${response.description || ""}`;
    const body = shape && !/^[45]/.test(status) ? [fields(shape.schema)] : [];
    return make("div", {}, make("h3", { textContent: title }), ...body);
  });
}

function route(method, path, operation) {
  const summary = operation.summary || (operation.description || "").split("\n")[0];
  const head = make("summary", {}, make("span", { className: `method ${method}`, textContent: method }), make("code", { textContent: path }), make("span", { textContent: summary }));
  const details = make("details", {}, head);
  details.dataset.keywords = `${method} ${path} ${summary}`.toLowerCase();
  // Render the form when it is opened: a page of a hundred forms would be slow.
  details.addEventListener("toggle", () => {
    if (!details.open || details.children.length > 1) return;
    details.append(make("div", { className: "body" }, make("p", { textContent: operation.description || "" }), ...form(method, path, operation), ...responses(operation)));
  });
  return details;
}

function render() {
  const groups = new Map();
  for (const [path, item] of Object.entries(spec.paths)) {
    for (const method of METHODS.filter((name) => item[name])) {
      const tag = (item[method].tags || ["other"])[0];
      if (!groups.has(tag)) groups.set(tag, []);
      groups.get(tag).push(route(method, path, item[method]));
    }
  }
  const sections = [...groups].map(([tag, routes]) => make("section", {}, make("h2", { textContent: tag }), ...routes));
  document.getElementById("routes").replaceChildren(...sections);
}

function filter(text) {
  for (const details of document.querySelectorAll("details")) details.hidden = !details.dataset.keywords.includes(text);
  for (const section of document.querySelectorAll("section")) section.hidden = !section.querySelector("details:not([hidden])");
}

document.getElementById("filter").addEventListener("input", (event) => filter(event.target.value.toLowerCase()));
fetch("/openapi.json").then((response) => response.json()).then((json) => { spec = json; render(); });
