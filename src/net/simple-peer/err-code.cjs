/** Stands in for `err-code`: an error with a code, as simple-peer uses it. */

const { withCode } = require('./errors.ts')

module.exports = withCode
