// A JSON Schema as the form changes it: each function changes only what it is about.

// Numbers that JavaScript cannot hold stay as they are written, where the browser can keep them.
const exact = (key, value, { source } = {}) =>
  typeof value === "number" && source !== undefined && String(value) !== source && JSON.rawJSON
    ? JSON.rawJSON(source) : value;

export function parse(text) {
  try {
    const value = JSON.parse(text, exact);
    return value && typeof value === "object" && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

const EMPTY = () => ({ type: "object", properties: {}, required: [], additionalProperties: false });

// A schema to begin with; with a name where it is that of an answer.
export const fresh = (isNamed) => (isNamed ? { name: "answer", strict: true, schema: EMPTY() } : EMPTY());

// Where in the document the schema of the object is, and the object with name and strictness around it, if any.
export function open(document) {
  const answer = document.type === "json_schema" ? document.json_schema : "schema" in document ? document : null;
  const root = answer ? answer.schema : document;
  const isObject = root && typeof root === "object" && (root.properties || typeOf(root) === "object");
  return { answer, root: isObject ? root : null };
}

// ---- properties

export function addProperty(object, isStrict) {
  object.properties ??= {};
  let number = Object.keys(object.properties).length + 1;
  while (`property_${number}` in object.properties) number += 1;
  const name = `property_${number}`;
  object.properties[name] = { type: "string" };
  if (isStrict) setRequired(object, name, true);
  return name;
}

// In its place, so that the order stays.
export function rename(object, name, wanted) {
  const entries = Object.entries(object.properties).map(([key, value]) => [key === name ? wanted : key, value]);
  object.properties = Object.fromEntries(entries);
  if (Array.isArray(object.required)) object.required = object.required.map((each) => (each === name ? wanted : each));
}

export function remove(object, name) {
  delete object.properties[name];
  if (Array.isArray(object.required)) object.required = object.required.filter((each) => each !== name);
}

export function setRequired(object, name, isRequired) {
  const before = Array.isArray(object.required) ? object.required.filter((each) => each !== name) : [];
  const order = Object.keys(object.properties ?? {});
  const named = isRequired ? [...before, name] : before;
  object.required = [...named].sort((one, other) => order.indexOf(one) - order.indexOf(other));
}

export function put(object, key, value) {
  if (value) object[key] = value;
  else delete object[key];
}

// ---- types

// The one type beside null; empty where the schema says it otherwise.
export function typeOf({ type }) {
  const named = (Array.isArray(type) ? type : [type]).filter((each) => each !== "null");
  return named.length === 1 && typeof named[0] === "string" ? named[0] : "";
}

const OF_TYPE = { object: ["properties", "required", "additionalProperties"], array: ["items"] };

export function setType(schema, type, isStrict) {
  if (!type || type === typeOf(schema)) return;
  for (const key of OF_TYPE[typeOf(schema)] ?? []) delete schema[key];
  if (schema.enum) delete schema.enum;
  const isNullable = Array.isArray(schema.type) && schema.type.includes("null");
  schema.type = isNullable ? [type, "null"] : type;
  const closed = isStrict ? { additionalProperties: false } : {};
  if (type === "object") Object.assign(schema, { properties: {}, required: [], ...closed });
  if (type === "array") schema.items = { type: "string" };
}

// The object that stands inside, directly or as the items of lists.
export function objectInside(schema) {
  if (typeOf(schema) === "object") return schema;
  return typeOf(schema) === "array" && schema.items ? objectInside(schema.items) : null;
}

// ---- allowed values

const isWord = (value) => ["number", "string"].includes(typeof value) && !/[,\n]/.test(String(value));

export const isPlainEnum = ({ enum: values = [] }) =>
  Array.isArray(values) && values.every((each) => each === null || isWord(each));

export function setEnum(schema, written) {
  const words = written.split(",").map((word) => word.trim()).filter(Boolean);
  const isNumber = typeOf(schema) !== "string";
  const values = words.map((word) => (isNumber ? Number(word) : word)).filter((value) => !Number.isNaN(value));
  const isNullable = Array.isArray(schema.type) && schema.type.includes("null");
  if (values.length) schema.enum = isNullable ? [...values, null] : values;
  else delete schema.enum;
}

// ---- strictness

// What a strict schema has: each object asks for every property and takes no others.
export function makeStrict(schema) {
  if (!schema || typeof schema !== "object") return;
  if (schema.properties || typeOf(schema) === "object") {
    schema.required = Object.keys(schema.properties ?? {});
    schema.additionalProperties = false;
    Object.values(schema.properties ?? {}).forEach(makeStrict);
  }
  makeStrict(schema.items);
}

const KNOWN = ["type", "description", "enum", "properties", "required", "additionalProperties", "items"];

// What a row does not show.
export const others = (schema) => Object.keys(schema).filter((key) => !KNOWN.includes(key));
