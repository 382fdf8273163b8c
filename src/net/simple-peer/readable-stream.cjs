/** The one class of readable-stream that simple-peer uses; a CommonJS package cannot be shaken. */

exports.Duplex = require('readable-stream/lib/_stream_duplex.js')
