"""Grade programs of strangers: each in a context of its own, with a deadline, on its own input file."""

from pywasm_sandbox import Sandbox

SUBMISSIONS = {
    "ada": "print(sum(int(line) for line in open('numbers.txt')))",
    "bob": "print(open('numbers.txt').read().count('1'))",
    "eve": "while True: pass",
    "mallory": "print(open('/etc/passwd').read())",
}

with Sandbox(timeout=1, memory_bytes=64 << 20) as sandbox:
    for name, program in SUBMISSIONS.items():
        context = sandbox.create_code_context(cwd=f"/workspace/{name}")
        sandbox.write_file(f"/workspace/{name}/numbers.txt", "10\n20\n12\n")
        execution = context.run_code(program)
        if execution.error is not None:
            print(f"{name:8} failed: {execution.error.name}")
        else:
            passed = "".join(execution.logs.stdout) == "42\n"
            print(f"{name:8} {'passed' if passed else 'wrong answer'}")
        context.delete()
