"""test262-parser-tests (npm) in a JavaScript context: which programs the engine takes and which it refuses.

npm pack test262-parser-tests && tar xf test262-parser-tests-*.tgz
python -m tests.conformance.test262_parser package
"""
