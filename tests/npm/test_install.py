"""`npm install` and its relatives, from a registry on loopback, a folder, and the sandbox's own files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from pywasm_sandbox import AsyncSandbox, NpmPolicy, PackageInstallError, PolicyError, Sandbox
from tests.npm.registry import Registry, tarball

pytest.importorskip("nodesemver")


def read(sandbox: Sandbox, path: str) -> Any:
    return json.loads(sandbox.read_file(path).content)


def required(sandbox: Sandbox, name: str) -> str:
    return sandbox.exec(["node", "-p", f"require('{name}')"]).stdout.strip()


def test_nothing_is_installed_without_a_policy(registry: Registry) -> None:
    with Sandbox() as sandbox:
        result = sandbox.exec("npm install alpha")
        assert result.exit_code == 1
        assert "npm=NpmPolicy" in result.stderr
        with pytest.raises(PolicyError, match="NpmPolicy"):
            sandbox.install_packages(["alpha"], language="javascript")
    assert registry.asked == []


def test_a_running_context_sees_it_at_once(sandbox: Sandbox) -> None:
    failed = sandbox.run_code("require('alpha')", language="javascript")
    assert failed.error is not None
    new = sandbox.install_packages(["alpha"], language="javascript")
    assert new == ["alpha@2.0.0", "beta@1.5.0"]
    execution = sandbox.run_code("[require('alpha'), (await import('beta')).default]", language="javascript")
    assert execution.text == "[ 'alpha@2.0.0', 'beta@1.5.0' ]"
    assert sandbox.install_packages(["alpha"], language="js") == []


@pytest.mark.parametrize(
    ("asked", "version", "saved"),
    [
        ("alpha", "2.0.0", "^2.0.0"),
        ("alpha@1.0.0", "1.0.0", "^1.0.0"),
        ("alpha@^1", "1.2.0", "^1.2.0"),
        ("alpha@1.x <1.2", "1.0.0", "1.x <1.2"),
        ("alpha@next", "3.0.0-rc.1", "^3.0.0-rc.1"),
        ("alpha@latest", "2.0.0", "^2.0.0"),
        ("alpha@>=1 <2 || 5", "1.2.0", "^1.2.0"),
        ("alpha@*", "2.0.0", "^2.0.0"),
    ],
)
def test_which_version(sandbox: Sandbox, asked: str, version: str, saved: str) -> None:
    result = sandbox.exec(["npm", "install", asked])
    assert result.success, result.stderr
    assert required(sandbox, "alpha") == f"alpha@{version}"
    assert read(sandbox, "package.json") == {"dependencies": {"alpha": saved}}


def test_an_alias_and_a_scope(sandbox: Sandbox) -> None:
    assert sandbox.exec("npm i old@npm:alpha@1 @scope/one").success
    assert required(sandbox, "old") == "alpha@1.2.0"
    assert required(sandbox, "@scope/one") == "@scope/one@0.1.0"
    assert read(sandbox, "package.json")["dependencies"] == {
        "@scope/one": "^0.1.0",
        "old": "npm:alpha@^1.2.0",
    }


def test_versions_that_differ_lie_below_who_needs_them(sandbox: Sandbox) -> None:
    assert sandbox.exec("npm i alpha@2 @scope/one").success
    found = sandbox.exec("find node_modules -name package.json | sort").stdout.split()
    assert found == [
        "node_modules/@scope/one/node_modules/alpha/package.json",
        "node_modules/@scope/one/node_modules/beta/package.json",
        "node_modules/@scope/one/package.json",
        "node_modules/alpha/package.json",
        "node_modules/beta/package.json",
    ]
    assert (required(sandbox, "alpha"), required(sandbox, "beta")) == ("alpha@2.0.0", "beta@1.5.0")
    inner = "require('module').createRequire('/workspace/node_modules/@scope/one/')"
    assert (
        sandbox.exec(["node", "-p", f"{inner}('alpha') + {inner}('beta')"]).stdout
        == "alpha@1.2.0beta@2.0.0\n"
    )


def test_saving(sandbox: Sandbox) -> None:
    assert sandbox.exec("npm init -y").success
    assert sandbox.exec("npm i alpha@1 && npm i -D beta && npm i --save-exact -O tool").success
    assert sandbox.exec("npm i --no-save @scope/one").success
    manifest = read(sandbox, "package.json")
    assert manifest["name"] == "workspace"
    assert manifest["dependencies"] == {"alpha": "^1.2.0"}
    assert manifest["devDependencies"] == {"beta": "^2.0.0"}
    assert manifest["optionalDependencies"] == {"tool": "1.0.0"}
    lock = read(sandbox, "package-lock.json")
    assert lock["lockfileVersion"] == 3
    assert lock["packages"]["node_modules/alpha"]["integrity"].startswith("sha512-")
    assert lock["packages"][""]["devDependencies"] == {"beta": "^2.0.0"}


def test_of_a_package_json(sandbox: Sandbox) -> None:
    manifest = {"dependencies": {"alpha": "^1.0.0"}, "devDependencies": {"beta": "1"}}
    sandbox.write_file("package.json", json.dumps(manifest))
    assert sandbox.exec("npm install").stdout == "\nadded 2 packages\n"
    assert sandbox.exec("npm install").stdout == "\nup to date\n"
    assert sandbox.exec("npm install --omit=dev").stdout == "\nremoved 1 package\n"
    assert read(sandbox, "package.json") == manifest
    assert sandbox.install_packages([], language="typescript") == ["beta@1.5.0"]


def test_what_is_there_and_fits_is_kept(sandbox: Sandbox, registry: Registry) -> None:
    assert sandbox.exec("npm i alpha@1.0.0").success
    before = len(registry.asked)
    sandbox.write_file("node_modules/alpha/mark", "")
    assert sandbox.exec("npm install").stdout == "\nup to date\n"
    assert len(registry.asked) == before
    assert sandbox.exec("npm i beta").success
    assert sandbox.exists("node_modules/alpha/mark")
    assert sandbox.exec("npm i alpha").stdout == "\nadded 1 package, changed 1 package\n"  # and its own beta
    assert required(sandbox, "alpha") == "alpha@2.0.0"
    assert not sandbox.exists("node_modules/alpha/mark")


def test_a_lock_file_is_followed(sandbox: Sandbox, registry: Registry) -> None:
    assert sandbox.exec("npm i alpha@1.0.0").success
    sandbox.write_file("package.json", '{"dependencies": {"alpha": "^1.0.0"}}')
    sandbox.delete_file("node_modules", recursive=True)
    assert sandbox.exec("npm ci").success
    assert required(sandbox, "alpha") == "alpha@1.0.0"
    sandbox.delete_file("package-lock.json")
    result = sandbox.exec("npm ci")
    assert (result.exit_code, "package-lock.json" in result.stderr) == (1, True)
    sandbox.delete_file("node_modules", recursive=True)
    assert sandbox.exec("npm install").success
    assert required(sandbox, "alpha") == "alpha@1.2.0"


def test_uninstall(sandbox: Sandbox) -> None:
    assert sandbox.exec("npm i alpha tool").success
    assert sandbox.exists("node_modules/.bin/tool")
    assert sandbox.exec("npm uninstall tool").stdout == "\nremoved 1 package\n"
    assert not sandbox.exists("node_modules/.bin/tool")
    assert sandbox.exec("npm rm alpha").stdout == "\nremoved 2 packages\n"  # beta was alpha's
    assert read(sandbox, "package.json") == {}
    assert sandbox.list_files("node_modules") == []


def test_ls(sandbox: Sandbox) -> None:
    sandbox.write_file("package.json", '{"name": "mine", "version": "1.0.0"}')
    assert sandbox.exec("npm ls").stdout == "mine@1.0.0 /workspace\n└── (empty)\n\n"
    assert sandbox.exec("npm i alpha@2 tool").success
    assert sandbox.exec("npm ls").stdout == "mine@1.0.0 /workspace\n├── alpha@2.0.0\n└── tool@1.0.0\n\n"
    assert "│ └── beta@1.5.0\n" in sandbox.exec("npm ls --all").stdout
    listed = json.loads(sandbox.exec("npm ls beta --json").stdout)
    assert listed["dependencies"]["alpha"]["dependencies"]["beta"] == {"version": "1.5.0"}
    sandbox.delete_file("node_modules/tool", recursive=True)
    result = sandbox.exec("npm ls")
    assert (result.exit_code, "UNMET DEPENDENCY tool@^1.0.0" in result.stdout) == (1, True)


def test_commands_of_packages(sandbox: Sandbox) -> None:
    result = sandbox.exec("npm i tool")
    assert "install scripts, which don't run" in result.stderr
    assert not sandbox.exists("/workspace/ran")
    assert sandbox.exec("npx tool a 'b c'").stdout == "tool a b c\n"
    assert sandbox.exec("ls node_modules/.bin").stdout.split() == ["tool", "up"]
    assert sandbox.exec("node_modules/.bin/tool x").stdout == "tool x\n"


def test_npx_installs_elsewhere(sandbox: Sandbox) -> None:
    assert sandbox.exec("npx -y tool@1 --flag").stdout == "tool --flag\n"
    assert not sandbox.exists("node_modules")
    result = sandbox.exec("npx nothing-like-it")
    assert (result.exit_code, "404" in result.stderr) == (1, True)


def test_scripts(sandbox: Sandbox) -> None:
    scripts = {
        "pretest": "echo before",
        "test": "tool tested",
        "fail": "exit 3",
        "args": "echo",
        "env": "echo $npm_package_name $npm_lifecycle_event",
    }
    sandbox.write_file("package.json", json.dumps({"name": "mine", "scripts": scripts}))
    assert sandbox.exec("npm i tool").success
    assert sandbox.exec("npm test -s").stdout == "before\ntool tested\n"
    assert sandbox.exec("npm run fail").exit_code == 3
    assert sandbox.exec("npm run -s args -- 'a  b' --x").stdout == "a  b --x\n"
    assert sandbox.exec("npm run -s env").stdout == "mine env\n"
    assert "> mine@ pretest\n> echo before\n" in sandbox.exec("npm run test").stdout
    result = sandbox.exec("npm run nothing")
    assert (result.exit_code, 'Missing script: "nothing"' in result.stderr) == (1, True)


def test_init(sandbox: Sandbox) -> None:
    sandbox.mkdir("/workspace/app")
    assert sandbox.exec("npm init -y", cwd="app").success
    assert read(sandbox, "app/package.json")["name"] == "app"
    assert "npm init -y" in sandbox.exec("npm init", cwd="app").stderr


def test_a_project_above(sandbox: Sandbox) -> None:
    sandbox.write_file("package.json", "{}")
    sandbox.mkdir("/workspace/src")
    assert sandbox.exec("npm i alpha", cwd="src").success
    assert sandbox.exists("node_modules/alpha")
    assert sandbox.exec("npm root", cwd="src").stdout == "/workspace/node_modules\n"


def test_peers(sandbox: Sandbox, registry: Registry) -> None:
    registry.add(
        "plugin",
        "1.0.0",
        peerDependencies={"alpha": "^1", "beta": "*"},
        peerDependenciesMeta={"beta": {"optional": True}},
    )
    assert sandbox.exec("npm i plugin").success
    assert required(sandbox, "alpha") == "alpha@1.2.0"
    assert not sandbox.exists("node_modules/beta")
    sandbox.delete_file("node_modules", recursive=True)
    sandbox.delete_file("package.json")
    sandbox.delete_file("package-lock.json")
    result = sandbox.exec("npm i alpha@2 plugin")
    assert "npm warn plugin@1.0.0 wants alpha@^1 beside it, where 2.0.0 is" in result.stderr


def test_optional_ones_may_be_missing(sandbox: Sandbox, registry: Registry) -> None:
    optional = {"native": "1", "nowhere": "1", "alpha": "1"}
    registry.add("native", "1.0.0", os=["darwin"])
    registry.add("wants", "1.0.0", optionalDependencies=optional)
    assert sandbox.exec("npm i wants").success
    assert sorted(each.name for each in sandbox.list_files("node_modules") if each.name[0] != ".") == [
        "alpha",
        "wants",
    ]
    result = sandbox.exec("npm i native")
    assert (result.exit_code, "EBADPLATFORM" in result.stderr) == (1, True)


def test_cycles_and_bundled_ones(sandbox: Sandbox, registry: Registry) -> None:
    registry.add("hen", "1.0.0", dependencies={"egg": "1"})
    registry.add("egg", "1.0.0", dependencies={"hen": "1"})
    inside = {
        "node_modules/within/package.json": "{}",
        "node_modules/within/index.js": "module.exports = 'in'",
    }
    registry.add("box", "1.0.0", dependencies={"within": "1"}, bundleDependencies=["within"], files=inside)
    assert sandbox.exec("npm i hen box").success
    assert required(sandbox, "egg") == "egg@1.0.0"
    assert required(sandbox, "/workspace/node_modules/box/node_modules/within") == "in"


def test_deprecated_ones(sandbox: Sandbox, registry: Registry) -> None:
    registry.add("aging", "1.0.0")
    registry.add("aging", "1.1.0", deprecated="use something else", tags=[])
    registry.add("aged", "1.0.0", deprecated="too old")
    assert sandbox.exec("npm i aging@1").success
    assert required(sandbox, "aging") == "aging@1.0.0"
    assert "npm warn deprecated aged@1.0.0: too old" in sandbox.exec("npm i aged").stderr


# ---- files of the sandbox and of the host ------------------------------------------------------------------


def test_tarballs_and_folders_of_the_sandbox(sandbox: Sandbox) -> None:
    sandbox.write_file(
        "packed.tgz",
        tarball(
            {
                "package.json": '{"name": "packed", "version": "1.0.0"}',
                "index.js": "module.exports = 'packed'",
            }
        ),
    )
    sandbox.write_file(
        "lib/package.json", '{"name": "lib", "version": "2.0.0", "dependencies": {"alpha": "1"}}'
    )
    sandbox.write_file("lib/index.js", "module.exports = 'lib with ' + require('alpha')")
    sandbox.write_file("lib/node_modules/junk/index.js", "")
    assert sandbox.exec("npm i ./packed.tgz ./lib").success
    assert (required(sandbox, "packed"), required(sandbox, "lib")) == ("packed", "lib with alpha@1.2.0")
    assert not sandbox.exists("node_modules/lib/node_modules")
    assert read(sandbox, "package.json")["dependencies"] == {"lib": "file:lib", "packed": "file:packed.tgz"}
    sandbox.delete_file("node_modules", recursive=True)
    assert sandbox.exec("npm install").success
    assert required(sandbox, "packed") == "packed"


def test_a_folder_of_the_host(tmp_path: Path) -> None:
    for version in ("1.0.0", "1.1.0"):
        manifest = json.dumps({"name": "local", "version": version, "dependencies": {"other": "*"}})
        files = {"package.json": manifest, "index.js": f"module.exports = 'local {version}'"}
        (tmp_path / f"local-{version}.tgz").write_bytes(tarball(files))
    other = {"package.json": '{"name": "other", "version": "0.0.1"}', "index.js": ""}
    (tmp_path / "other.tgz").write_bytes(tarball(other, folder="any-name"))
    with Sandbox(npm=NpmPolicy(folder=tmp_path)) as sandbox:
        new = sandbox.install_packages(["local"], language="javascript")
        assert new == ["local@1.1.0", "other@0.0.1"]
        assert required(sandbox, "local") == "local 1.1.0"
        assert sandbox.exists("node_modules/other/index.js")
        with pytest.raises(PackageInstallError, match="nowhere is not in the policy's folder"):
            sandbox.install_packages(["nowhere"], language="javascript")


def test_isolated_in_a_process(registry: Registry) -> None:
    with Sandbox(npm=NpmPolicy(registry=registry.url), isolation="process") as sandbox:
        assert sandbox.install_packages(["alpha@1"], language="javascript") == ["alpha@1.2.0"]
        assert sandbox.exec("npm i beta").success
        assert required(sandbox, "beta") == "beta@2.0.0"


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_async(registry: Registry) -> None:
    async with AsyncSandbox(npm=NpmPolicy(registry=registry.url)) as sandbox:
        assert await sandbox.install_packages(["alpha@1"], language="javascript") == ["alpha@1.2.0"]
        assert (await sandbox.exec(["node", "-p", "require('alpha')"])).stdout == "alpha@1.2.0\n"


def test_from_code(sandbox: Sandbox) -> None:
    code = "require('child_process').execSync('npm i alpha@1', { encoding: 'utf8' }) + require('alpha')"
    assert sandbox.run_code(code, language="javascript").text == "\nadded 1 package\nalpha@1.2.0"
    assert sandbox.run_code("!npm ls").logs.stdout[-2:] == ["└── alpha@1.2.0\n", "\n"]
