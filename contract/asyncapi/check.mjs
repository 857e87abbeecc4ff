// Fails on anything that the parser holds to be an error or a warning; prints what is only information.
import { readFileSync } from 'node:fs';
import { DiagnosticSeverity, Parser } from '@asyncapi/parser';

const path = process.argv[2];
const { document, diagnostics } = await new Parser().parse(readFileSync(path, 'utf8'), { source: path });
for (const { severity, code, message, path: place, range } of diagnostics) {
  const line = range.start.line + 1;
  console.log(`${DiagnosticSeverity[severity]}: ${code}: ${message} (${place.join('.')}, line ${line})`);
}
if (!document || diagnostics.some(({ severity }) => severity <= DiagnosticSeverity.Warning)) {
  process.exit(1);
}
console.log(`${path}: ${document.allMessages().length} messages, ${document.schemas().length} schemas`);
