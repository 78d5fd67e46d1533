/**
 * ONNX Runtime's own builds for Linux and macOS send what they do to their maker, from version 1.29 on, unless
 * this variable is set before the library is loaded. It is read once: nothing turns it on again.
 */
process.env["ORT_DISABLE_TELEMETRY"] = "1";
