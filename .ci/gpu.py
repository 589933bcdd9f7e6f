"""What a machine with a GPU should be asked now and then: CI has none, and what only a GPU does is tried nowhere else.

    python .ci/gpu.py FOLDER

Draws cars into FOLDER; trains the same twice, and a third time with a stop and `--resume`; predicts on the GPU and on
the CPU; evaluates. Prints `ok NAME: figures` or `FAILED NAME: why` a line each; exit code 1 if one fails. On a CPU the
three trainings have to be the same to the bit; on a GPU their figures have to lie as near as those of two runs do.
Without a GPU: four minutes of a core's time.
"""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

CARPARTS = [sys.executable, "-W", "ignore", "-m", "carparts_seg"]
SETTINGS = "architecture.pretrained=drawn-cars training.epochs=5 training.evaluation_epochs=1"
SETTINGS += " training.stochastic_weight_averaging_epochs=2 training.build_scoring_pipelines=false"
NEAR = 0.01  # of miou, between trainings that differ in how a GPU adds up; 0.0004 was measured


def carparts(*words):
    "A command that has to succeed; what it says."
    done = subprocess.run([*CARPARTS, *map(str, words)], capture_output=True, text=True)
    assert done.returncode == 0, f"carparts {words[0]}: exit code {done.returncode}: {done.stderr.strip()[-300:]}"
    return done.stdout


def training(home, name, *more):
    "A training that was started; its lines go into a file."
    words = ["train", "--recipe", "quick", "--data", home / "cars", "--out", home / name]
    words += [w for s in SETTINGS.split() for w in ("--set", s)]
    with open(home / f"{name}.log", "a") as log:
        return subprocess.Popen([*CARPARTS, *map(str, words), *more], stdout=log, stderr=subprocess.STDOUT)


def tensors(run):
    "The numbers of a run's last weights, without the header of the file."
    content = (run / "weights" / "last.safetensors").read_bytes()
    return content[8 + int.from_bytes(content[:8], "little") :]


def ended(home, name, process):
    "Wait for a training that has to succeed."
    code = process.wait()
    lines = (home / f"{name}.log").read_text().strip().splitlines()
    assert code == 0, f"training {name}: exit code {code}: {lines[-1][:300]}"


def stopped(home, name, after):
    "A training that was stopped once it had said `after`."
    process = training(home, name)
    while process.poll() is None and after not in (home / f"{name}.log").read_text():
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    assert process.wait() == 130, f"training {name} was not stopped: exit code {process.returncode}"


def trainings(home):
    "The same training twice, and once with a stop."
    import torch

    for name in ("first", "second"):
        ended(home, name, training(home, name))
    stopped(home, "stopped", "epoch 2/5")
    ended(home, "stopped", training(home, "stopped", "--resume"))
    names = ("first", "second", "stopped")
    found = [json.loads((home / n / "metrics.json").read_text()) for n in names]
    miou = [m["miou"] for m in found]
    assert max(miou) - min(miou) <= NEAR, f"miou {miou}"
    weights = {tensors(home / n) for n in names}
    assert torch.cuda.is_available() or len(weights) == 1, f"{len(weights)} different sets of weights on a CPU"
    return f"{found[0]['precision']}; miou {miou}; {len(weights)} different sets of weights"


def predictions(home):
    "The same parts on the GPU and on the CPU."
    import pandas as pd

    for name, more in (("here", []), ("cpu", ["--device", "cpu"])):
        carparts("predict", home / "first", home / "cars", "--out", home / name, *more)
    read = lambda name: pd.read_parquet(home / name / "predictions.parquet").set_index(["file_name", "name"])
    here, cpu = read("here"), read("cpu")
    both = here.add_suffix("_here").join(cpu.add_suffix("_cpu"), how="inner")
    share = 2 * len(both) / (len(here) + len(cpu))
    assert share > 0.98, f"{len(here)} parts and {len(cpu)}, of which {len(both)} are in both"
    apart = (both["score_here"] - both["score_cpu"]).abs().max()
    assert apart < 0.05, f"scores differ by {apart}"
    same = (both["rle_mask_here"] == both["rle_mask_cpu"]).mean()
    found = f"{len(here)} parts and {len(cpu)}, {same:.1%} of the masks the same"
    return f"{found}; scores differ by {apart:.4f} at most"


def evaluation(home):
    "Figures at the pictures' own size."
    carparts("evaluate", home / "first", home / "cars", "--out", home / "figures", "--only", "valid")
    return f"miou {json.loads((home / 'figures' / 'metrics.json').read_text())['miou']:.4f}"


def main():
    home, failed = Path(sys.argv[1]).resolve(), 0
    carparts("data", "draw", 64, "--out", home / "cars", "--size", 192)
    for check in (trainings, predictions, evaluation):
        began = time.monotonic()
        try:
            said = f"ok {check.__name__}: {check(home)}"
        except AssertionError as e:
            failed, said = failed + 1, f"FAILED {check.__name__}: {e}"
        print(f"{said} ({time.monotonic() - began:.0f} s)", flush=True)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
