"""`python -m tools.deployment`: all in deploy/ is checked, and started as far as it goes."""

import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

from tools.deployment.compose import Trial, until
from tools.deployment.image import Image
from tools.deployment.linters import BIN, DEPLOY, lint_all

ROLE = DEPLOY / "ansible" / "roles" / "lastword"


def main() -> None:
    """Check all; end with an error at the first thing that is wrong."""
    for found in lint_all():
        print(found, flush=True)
    with tempfile.TemporaryDirectory(prefix="lastword-deploy-") as folder:
        Path(folder).chmod(0o755)
        image = Image.built(Path(folder) / "image")
        print(f"Dockerfile: its steps were done, but for: {'; '.join(image.left_out)}", flush=True)
        _options(image, Path(folder))
        _run_nodes(image)


def _options(image: Image, folder: Path) -> None:
    """Render the role's options, and let the command read them."""
    rendered = folder / "lastword.toml"
    inventory = folder / "inventory"
    inventory.write_text("[lastword]\none\ntwo\n")
    render = f"src={ROLE}/templates/lastword.toml.j2 dest={rendered}"
    command = [str(BIN / "ansible"), "one", "-i", str(inventory), "-c", "local"]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    command += ["-e", f"@{ROLE}/defaults/main.yml", "-e", '{"lastword_options": {"grace": "9d"}}']
    subprocess.run([*command, "-m", "template", "-a", render], check=True)
    options = tomllib.loads(rendered.read_text())
    if options["grace"] != "9d" or options["initial-peers"] != ["one:3000", "two:3000"]:
        raise SystemExit(f"the role's options are not as given: {options}")
    text = rendered.read_text().replace("/var/lib/lastword/", "").replace("/etc/lastword/", "no-")
    rendered.write_text(text)
    command = [f"{image.folder}/opt/bin/lastword", "serve", "--config", str(rendered)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    if done.returncode != 2 or "no-cluster.secret" not in done.stderr:
        raise SystemExit(f"the role's options were not read: {done.stderr}")
    print("Ansible role: its options are read by the command", flush=True)


def _run_nodes(image: Image) -> None:
    trial = Trial(image)
    first, *others = trial.ports
    with trial.running():
        until(lambda: all(map(trial.is_healthy, trial.ports)), "all nodes are healthy")
        print(f"compose.yaml: {len(trial.ports)} nodes run and are healthy", flush=True)
        until(lambda: trial.call(first, "PUT", "/deployed/yes")[0] == 200, "a write is taken")
        for name in others:
            until(lambda at=name: trial.call(at, "GET", "/deployed/yes")[1] == b"true", name)
        for name in trial.ports:
            until(lambda at=name: trial.call(at, "GET", "/_/converged")[0] == 200, name)
        metrics = trial.call(first, "GET", "/_/metrics")
        if metrics[0] != 200:
            raise SystemExit(f"no metrics: {metrics}")
    print("compose.yaml: they agree, and end well", flush=True)
    print("not run: docker, docker compose, systemd, and the playbook on real hosts", flush=True)


if __name__ == "__main__":
    main()
