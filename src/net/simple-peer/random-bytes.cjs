/** Stands in for `randombytes`, without what that brings for browsers of 2014. */

const { Buffer } = require('buffer')

module.exports = (length) => crypto.getRandomValues(Buffer.alloc(length))
