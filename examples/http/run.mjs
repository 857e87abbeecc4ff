// Runs .http files from top to bottom, and holds every answer against its `# expect STATUS [code]`.
//
//   node run.mjs [--api URL] [--sandbox URL] file.http ...
//
// It knows what these files use of the format of REST Client: `@variable = value`, `# @name`, `{{variable}}`, `{{$guid}}`,
// `{{name.response.body.$.path}}` and `{{name.response.headers.Name}}`.

import { readFile } from "node:fs/promises";
import { parseArgs } from "node:util";

const { values: given, positionals: files } = parseArgs({
  options: { api: { type: "string" }, sandbox: { type: "string" }, receiver: { type: "string" } },
  allowPositionals: true,
});

/** The requests of a file, and its variables. */
function parse(source) {
  const variables = {};
  const requests = [];
  for (const block of source.split(/^###/m)) {
    const [title, ...lines] = block.split("\n");
    const request = { title: title.trim(), headers: {} };
    let line;
    while ((line = lines.shift()) !== undefined && !/^[A-Z]+ /.test(line)) {
      const variable = /^@(\w+)\s*=\s*(.*)$/.exec(line);
      if (variable) variables[variable[1]] = variable[2].trim();
      request.name ??= /^# @name (\w+)/.exec(line)?.[1];
      request.expect ??= /^# expect (\d+) ?(\w+)?/.exec(line)?.slice(1);
    }
    if (line === undefined) continue;
    [request.method, request.url] = line.split(" ");
    while ((line = lines.shift())) request.headers[line.split(":")[0]] = line.slice(line.indexOf(":") + 1).trim();
    request.body = lines.join("\n").trim() || undefined;
    requests.push(request);
  }
  return { variables: { ...variables, ...given }, requests };
}

/** Puts the values in. */
function fill(text, variables, answers) {
  return text.replaceAll(/\{\{(.+?)\}\}/g, (_, name) => {
    if (name === "$guid") return crypto.randomUUID();
    const of = /^(\w+)\.response\.(?:body\.\$\.(.+)|headers\.(.+))$/.exec(name);
    const answer = of && answers[of[1]];
    const value = answer ? (of[2] ? walk(answer.body, of[2]) : answer.headers.get(of[3])) : variables[name];
    if (typeof value !== "string") throw new Error(`{{${name}}} is not known`);
    return value;
  });
}

function walk(value, path) {
  return path
    .split(/[.[\]]+/)
    .filter(Boolean)
    .reduce((at, field) => at?.[field], value);
}

let failed = 0;
for (const file of files) {
  const { variables, requests } = parse(await readFile(file, "utf8"));
  const answers = {};
  for (const { title, name, expect, method, url, headers, body } of requests) {
    let said;
    try {
      const filled = (text) => fill(text, variables, answers);
      const lines = Object.entries(headers).map(([header, value]) => [header, filled(value)]);
      const response = await fetch(filled(url), { method, headers: lines, body: body && filled(body) });
      const text = await response.text();
      const answer = { headers: response.headers, body: text && JSON.parse(text) };
      if (name) answers[name] = answer;
      said = [`${response.status}`, ...(expect?.[1] ? [answer.body.code] : [])].join(" ");
    } catch (error) {
      said = `${error.message} ${error.cause?.message ?? ""}`;
    }
    const wanted = expect?.filter(Boolean).join(" ");
    if (said !== wanted) failed++;
    console.log(
      `${said === wanted ? "ok    " : "FAILED"} ${file}: ${title}: ${said}${said === wanted ? "" : `, not ${wanted}`}`,
    );
  }
  if (requests.length === 0) throw new Error(`${file} has no requests`);
}
process.exitCode = failed || files.length === 0 ? 1 : 0;
