// Decodes the answers: a gzip stream of a header and columns (`harness/report/payload.py` describes it).

const ARRAYS = { u8: Uint8Array, u16: Uint16Array, u32: Uint32Array, i16: Int16Array, i32: Int32Array };

/** Tables by name, each `{rows, columns: {name: {get, code, values, ...}}}`, and `meta`. */
async function unpack(text) {
  const binary = atob(text.trim());
  const bytes = new Uint8Array(binary.length);
  for (let k = 0; k < bytes.length; k++) bytes[k] = binary.charCodeAt(k);
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  const size = new DataView(buffer).getUint32(0, true);
  const decoder = new TextDecoder();
  const header = JSON.parse(decoder.decode(new Uint8Array(buffer, 4, size)));
  const start = 4 + size;
  const tables = {};
  for (const [name, table] of Object.entries(header.tables)) {
    const columns = {};
    for (const [key, column] of Object.entries(table.columns)) {
      columns[key] = unpackColumn(column, table.rows, buffer, start, decoder);
    }
    tables[name] = { rows: table.rows, columns };
  }
  return { meta: header.meta, tables };
}

function unpackColumn(column, rows, buffer, start, decoder) {
  if (column.kind === "constant") {
    const value = column.value;
    return { values: [value], code: () => 0, get: () => value, kind: typeof value === "string" ? "codes" : "numbers" };
  }
  const stored = new ARRAYS[column.type](buffer, start + column.at, rows);
  if (column.delta) for (let k = 1; k < rows; k++) stored[k] += stored[k - 1];
  if (column.kind === "codes") {
    const block = new Uint8Array(buffer, start + column.values.at, column.values.bytes);
    let values = null;
    const read = () => (values ??= JSON.parse(decoder.decode(block)));
    return {
      kind: "codes",
      codes: stored,
      code: (row) => stored[row],
      get: (row) => read()[stored[row]],
      get values() {
        return read();
      },
    };
  }
  const { empty, scale } = column;
  return { kind: "numbers", get: (row) => (stored[row] === empty ? null : stored[row] * scale) };
}

/** What the gallery asks of the tables. */
class Store {
  constructor({ meta, tables }, thumbnails) {
    this.meta = meta;
    this.rows = tables.rows;
    this.samples = tables.samples;
    this.links = tables.pictures.columns.link;
    this.thumbnails = thumbnails;
    this.search = new Map();
  }

  get count() {
    return this.rows.rows;
  }

  row(name, row) {
    return this.rows.columns[name].get(row);
  }

  sample(name, row) {
    return this.samples.columns[name].get(this.row("sample", row));
  }

  run(row) {
    return this.meta.runs[this.row("run", row)];
  }

  /** The numbers of the pictures of a row, in the order shown. */
  pictures(row) {
    return ["picture", "second"].map((name) => this.sample(name, row)).filter((number) => number !== null);
  }

  /** Whether the page holds a picture of the row. */
  holds(row) {
    const picture = this.sample("picture", row);
    return picture !== null && this.thumbnails[picture] !== undefined;
  }

  /** The attributes of the row's sample that have a value. */
  attributes(row) {
    return Object.keys(this.samples.columns)
      .filter((name) => name.startsWith("a:"))
      .map((name) => [name.slice(2), this.sample(name, row)])
      .filter(([, value]) => value !== "");
  }

  /** The rows that fit all filters and contain the text, in their own order. */
  matching(filters, text) {
    const tests = Object.entries(filters).map(([name, value]) => this.test(name, value));
    if (text) tests.push(this.contains(text.toLowerCase()));
    const found = [];
    for (let row = 0; row < this.count; row++) {
      if (tests.every((test) => test(row))) found.push(row);
    }
    return found;
  }

  test(name, value) {
    if (name === "run") return (row) => this.row("run", row) === value;
    const ofSample = name === "emotion";
    const column = (ofSample ? this.samples : this.rows).columns[name];
    if (!column) return () => false;
    const wanted = column.values.indexOf(value);
    if (wanted < 0) return () => false;
    return ofSample ? (row) => column.code(this.row("sample", row)) === wanted : (row) => column.code(row) === wanted;
  }

  /** Whether a row has a text anywhere: in the reply, the answer, the sample's name, prompt or attributes. */
  contains(text) {
    const found = (column) => {
      const hits = Uint8Array.from(column.values, (value) => (value ?? "").toLowerCase().includes(text));
      return hits.includes(1) ? (k) => hits[column.code(k)] === 1 : null;
    };
    const rows = ["reply", "refusal", "reason", "failure", "answer", "truth"].map((n) => found(this.rows.columns[n]));
    const names = Object.keys(this.samples.columns).filter((n) => ["id", "prompt"].includes(n) || n.startsWith("a:"));
    const samples = names.map((name) => found(this.samples.columns[name]));
    const [inRow, inSample] = [rows.filter(Boolean), samples.filter(Boolean)];
    return (row) => inRow.some((hit) => hit(row)) || inSample.some((hit) => hit(this.row("sample", row)));
  }

  /** The distinct values of a column of rows (or of emotions) that occur, in order of appearance. */
  distinct(name) {
    const column = (name === "emotion" ? this.samples : this.rows).columns[name];
    return column.values.filter((value) => value !== "" && value !== null);
  }
}
