/**
 * Reads vitest's JSON report, names what failed, refuses skipped tests where a skip would hide a missing browser or a
 * missing WebRTC, and closes with the one line that CI reads: "N passed, N failed, N skipped".
 */

import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'

/**
 * Only what `npm run test:long` is for may be left out, and only there. Besides, tests that run in Node and in Chromium may
 * be skipped in one of them if they pass in the other.
 */
const MAY_SKIP = /\/test\/sim\//

/** Parts of the suite that must have run; each is a folder under test/. */
const MUST_RUN = ['sim', 'net', 'bootstrap', 'cli', 'browser']

/**
 * @typedef {{ status: string, fullName: string }} Assertion
 * @typedef {{ name: string, status: string, assertionResults: readonly Assertion[] }} TestFile
 * @param {{ success: boolean, testResults: readonly TestFile[] }} report as written by vitest's JSON reporter
 * @returns {{ passed: number, failed: number, skipped: number, problems: string[] }}
 */
export function summarize(report) {
  const counts = { passed: 0, failed: 0, skipped: 0 }
  const problems = []
  const passed = new Set(report.testResults.flatMap(passedTests))
  for (const file of report.testResults) {
    for (const { status, fullName } of file.assertionResults) {
      const outcome = status === 'passed' || status === 'failed' ? status : 'skipped'
      counts[outcome] += 1
      if (outcome === 'failed') problems.push(`failed: ${file.name}: ${fullName}`)
      const isExcused = MAY_SKIP.test(file.name) || passed.has(`${file.name}: ${fullName}`)
      if (outcome === 'skipped' && !isExcused) problems.push(`skipped: ${file.name}: ${fullName}`)
    }
    if (file.status === 'failed' && !file.assertionResults.some(({ status }) => status === 'failed')) {
      // The file itself did not load, or a hook threw: no test of it is marked.
      counts.failed += 1
      problems.push(`failed: ${file.name}`)
    }
  }
  for (const part of MUST_RUN) {
    const ran = report.testResults.some(
      ({ name, assertionResults }) =>
        name.includes(`/test/${part}/`) && assertionResults.some(({ status }) => status === 'passed'),
    )
    if (!ran) problems.push(`nothing under test/${part} has passed`)
  }
  if (!report.success && problems.length === 0) problems.push('vitest reports an error outside any test')
  return { ...counts, problems }
}

/** @param {TestFile} file */
const passedTests = ({ name, assertionResults }) =>
  assertionResults.flatMap(({ status, fullName }) => (status === 'passed' ? [`${name}: ${fullName}`] : []))

function main() {
  let report
  try {
    report = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'))
  } catch (error) {
    console.error(
      `No test ran: npm test stopped before the runner wrote its report (${error instanceof Error ? error.message : String(error)}).`,
    )
    process.exit(1)
  }
  const { passed, failed, skipped, problems } = summarize(report)
  console.log(problems.join('\n'))
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`)
  process.exit(problems.length > 0 ? 1 : 0)
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main()
