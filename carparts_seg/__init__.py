"""Segment the parts of cars in photographs, and know how good the result is.

What people use most can be imported from here: `from carparts_seg import load_run`. Nothing is loaded before it is
asked for, so importing the package costs nothing. In a notebook: `from carparts_seg.all import *`.
"""

import os as _os
from importlib import import_module as _import_module

__version__ = "0.2.0"

_os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # ONNX Runtime 1.32 tells its maker how it is used

_NAMES = {
    "core.config": "load_config load_recipe",
    "core.drawing": "show_parts show_samples",
    "core.images": "read_image",
    "core.painting": "draw_parts",
    "core.parts": "CAR_PARTS part_colors",
    "core.parts_data": "PartsData",
    "core.run_folder": "read_run",
    "core.table": "read_table write_table",
    "synthetic.cars": "draw_car draw_dataset",
    "data.datasets": "open_dataset",
    "data.check": "check_data",
    "data.folds": "train_valid_files",
    "data.formats": "convert",
    "measure.metrics": "PixelCounts summarize",
    "train.loaders": "parts_dataloaders",
    "train.network": "parts_model",
    "train.learner": "parts_learner",
    "predict.predictor": "load_run",
    "predict.evaluate": "evaluate_run",
    "predict.files": "find_images predict_files",
    "predict.score": "OnnxScorer",
    "predict.onnx_predictor": "OnnxPredictor",
    "report.report": "build_report",
    "report.compare": "compare_runs",
    "report.model_card": "write_card",
    "deploy.export": "export_network",
    "deploy.pipeline": "write_pipeline",
    "deploy.hub": "push_run",
    "deploy.package": "pack_network",
    "deploy.serve": "serve",
    "experiment": "run_experiment run_demo",
    "grid": "run_grid",
}
_HOME = {name: module for module, names in _NAMES.items() for name in names.split()}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    "A public name, loaded from its module when it is first asked for (PEP 562)."
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(_import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    "What can be imported from here."
    return sorted({*globals(), *__all__})
