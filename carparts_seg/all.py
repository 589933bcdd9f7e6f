"""Everything for a notebook, in one line: `from carparts_seg.all import *`."""

from .core.parts import *
from .core.masks import *
from .core.image_files import IMAGE_SUFFIXES as IMAGE_SUFFIXES
from .core.image_files import MAX_PIXELS as MAX_PIXELS
from .core.image_files import MAX_READS as MAX_READS
from .core.image_files import ImageError as ImageError
from .core.image_files import image_files as image_files
from .core.image_files import is_image_file as is_image_file
from .core.image_files import pixel_limit as pixel_limit
from .core.image_files import why_no_image as why_no_image
from .core.images import *
from .core.painting import draw_parts as draw_parts
from .core.painting import name_places as name_places
from .core.painting import parts_layer as parts_layer
from .core.painting import write_names as write_names
from .core.fields import SHOWN_PROBLEMS as SHOWN_PROBLEMS
from .core.fields import all_problems as all_problems
from .core.fields import joined_error as joined_error
from .core.class_list import class_list as class_list
from .core.class_list import classes_file as classes_file
from .core.class_list import default_classes as default_classes
from .core.class_list import is_background as is_background
from .core.class_list import names_part as names_part
from .core.coco import *
from .core.table import *
from .core.parts_data import *
from .core.drawing import *
from .core.config import *
from .core.run_folder import *
from .synthetic.cars import *
from .formats.outlines import contours_to_mask as contours_to_mask
from .formats.outlines import mask_contours as mask_contours
from .formats.outlines import mask_polygons as mask_polygons
from .formats.outlines import with_sizes as with_sizes
from .formats.yolo_export import export_yolo as export_yolo
from .formats.yolo import *
from .formats.label_studio import *
from .formats.mask_images import *
from .formats.editors import *
from .data.datasets import *
from .data.folds import *
from .data.formats import *
from .data.selection import *
from .data.sides import *
from .data.check import *
from .measure.metrics import *
from .measure.learner_metrics import *
from .measure.evidence import *
from .measure.intervals import bootstrap_difference as bootstrap_difference
from .measure.intervals import bootstrap_intervals as bootstrap_intervals
from .measure.intervals import bootstrap_samples as bootstrap_samples
from .measure.intervals import expanded_intervals as expanded_intervals
from .measure.intervals import plot_difference as plot_difference
from .measure.intervals import plot_intervals as plot_intervals
from .measure.intervals import resamples as resamples
from .measure.intervals import side_intervals as side_intervals
from .measure.thresholds import *
from .measure.confusion import *
from .measure.by_size import by_coco_size as by_coco_size
from .measure.by_size import by_size as by_size
from .measure.by_size import mask_frame as mask_frame
from .measure.by_size import plot_by_size as plot_by_size
from .measure.mistakes import *
from .measure.label_errors import *
from .measure.insights import *
from .measure.figures import *
from .train.cache import *
from .train.guard import AugmentationError as AugmentationError
from .train.guard import SidedD4 as SidedD4
from .train.guard import SidedHorizontalFlip as SidedHorizontalFlip
from .train.guard import SidedTranspose as SidedTranspose
from .train.guard import SidedVerticalFlip as SidedVerticalFlip
from .train.guard import describe as describe
from .train.guard import guard as guard
from .train.guard import print_steps as print_steps
from .train.guard import reseed as reseed
from .train.guard import resize_step as resize_step
from .train.guard import side_tables as side_tables
from .train.guard import swap_sides as swap_sides
from .train.serialized import *
from .train.augment import *
from .train.loaders import *
from .train.losses import *
from .train.schedule import *
from .train.machine import *
from .train.callbacks import *
from .train.optimizers import *
from .train.weights import *
from .train.network import *
from .train.learner import *
from .train.recorder import *
from .predict.prediction import *
from .predict.predictor import *
from .predict.files import *
from .predict.counting import *
from .predict.evaluate import *
from .predict.onnx_predictor import *
from .report.material import Material as Material
from .report.material import gather as gather
from .report.training_data import position_images as position_images
from .report.report import *
from .report.compare import *
from .report.model_card import *
from .deploy.graph import *
from .deploy.export import *
from .deploy.pipeline import *
from .deploy.hub import *
from .deploy.package import *
from .from_settings import *
from .one_training import *
from .experiment import *
from .grid import *
