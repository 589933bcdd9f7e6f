"""Ten minutes on the same photographs, with carparts_seg and with its peers: images a second, and `miou` at the end.

    pip install lightning ultralytics      # beside the package; neither is one of its dependencies
    python .ci/peers.py prepare WORK       # fold 0 of the 400 photographs, as COCO and for Ultralytics
    python .ci/peers.py NAME WORK          # carparts, imagenet, smp, lightning, fastai, ultralytics; one at a time
    python .ci/peers.py table WORK         # what was measured, as Markdown

All start from random weights, at 128 x 128 pixels, batches of 8, two threads, no GPU. Each is written as its own
examples write it, and knows before it begins how many epochs fit: one epoch is timed first, and its time counts. The
score is the same few lines for all: intersections and unions of the 80 held-out photographs summed by class at
128 x 128 pixels, IoU, mean over the classes that occur.
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
import torch

SIZE, BATCH = 128, 8


class Photos(torch.utils.data.Dataset):
    "Photographs and their masks (C, H, W), read with OpenCV and pycocotools."

    def __init__(self, work, part, transform=None):
        from pycocotools.coco import COCO

        self.coco, self.transform = COCO(work / f"{part}.json"), transform
        self.ids, self.classes = sorted(self.coco.imgs), sorted(self.coco.cats)
        self.root = Path(json.loads((work / "about.json").read_text())["images"])

    def __len__(self):
        return len(self.ids)

    def read(self, i):
        "An image (H, W, 3) and its masks (H, W, C), uint8."
        image = cv2.cvtColor(cv2.imread(str(self.root / self.coco.imgs[self.ids[i]]["file_name"])), cv2.COLOR_BGR2RGB)
        masks = np.zeros((*image.shape[:2], len(self.classes)), np.uint8)
        for a in self.coco.loadAnns(self.coco.getAnnIds(self.ids[i])):
            masks[..., self.classes.index(a["category_id"])] |= self.coco.annToMask(a)
        size = (SIZE, SIZE)
        image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return image, cv2.resize(masks, size, interpolation=cv2.INTER_NEAREST)

    def __getitem__(self, i):
        image, masks = self.read(i)
        if self.transform:
            both = self.transform(image=image, mask=masks)
            image, masks = both["image"], both["mask"]
        x = (image.astype(np.float32) / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
        return torch.tensor(x, dtype=torch.float32).permute(2, 0, 1), torch.tensor(masks).permute(2, 0, 1).float()


def score(work, predict):
    "miou of `predict`, which gives boolean masks (C, 128, 128) of the photograph at a place and of its file."
    photos = Photos(work, "valid")
    both, either = 0, 0
    for i in range(len(photos)):
        true = photos.read(i)[1].transpose(2, 0, 1) > 0
        found = predict(i, photos.root / photos.coco.imgs[photos.ids[i]]["file_name"])
        both, either = both + (found & true).sum((1, 2)), either + (found | true).sum((1, 2))
    return float((both / either)[either > 0].mean())


def loaders(work, transform=None):
    "Training batches, loaded by two processes."
    return torch.utils.data.DataLoader(Photos(work, "train", transform), BATCH, shuffle=True, num_workers=2)


def by_network(work, network):
    "`predict` of a network that gives logits."
    photos = Photos(work, "valid")
    network.eval()

    @torch.no_grad()
    def predict(i, file):
        return (network(photos[i][0][None])[0] > 0).numpy()

    return predict


def epochs_in(seconds, one_epoch):
    "How many epochs fit, by the time that `one_epoch` takes, which counts."
    start = time.perf_counter()
    one_epoch()
    taken = time.perf_counter() - start
    return max(1, int((seconds - taken) / taken))


def smp_network():
    import segmentation_models_pytorch as smp

    return smp.Unet("resnet18", encoder_weights=None, classes=18)


def smp(work, seconds):
    "smp with a plain loop: Dice loss, Adam, a constant rate, a mirror flip."
    import albumentations as A
    from segmentation_models_pytorch.losses import DiceLoss

    batches, network, loss = loaders(work, A.HorizontalFlip(p=0.5)), smp_network(), DiceLoss("multilabel")

    def epoch(network, opt):
        network.train()
        for x, y in batches:
            opt.zero_grad()
            loss(network(x), y).backward()
            opt.step()

    other = smp_network()
    n = epochs_in(seconds, lambda: epoch(other, torch.optim.Adam(other.parameters(), 1e-4)))
    opt, start = torch.optim.Adam(network.parameters(), 1e-4), time.perf_counter()
    for _ in range(n):
        epoch(network, opt)
    return n, time.perf_counter() - start, by_network(work, network)


def lightning(work, seconds):
    "smp's own example of today: Lightning, Dice loss, Adam at 2e-4 with a cosine, flips, shifts and noise."
    import albumentations as A
    import lightning as L
    from segmentation_models_pytorch.losses import DiceLoss

    changes = A.Compose(
        [A.HorizontalFlip(p=0.5), A.Affine(scale=(0.5, 1.5), translate_percent=0.1, p=0.5), A.GaussNoise(p=0.2)]
    )
    batches, loss = loaders(work, changes), DiceLoss("multilabel")

    class Module(L.LightningModule):
        def __init__(self, epochs):
            super().__init__()
            self.network, self.epochs = smp_network(), epochs

        def training_step(self, batch, i):
            return loss(self.network(batch[0]), batch[1])

        def configure_optimizers(self):
            opt = torch.optim.Adam(self.parameters(), 2e-4)
            steps = max(1, self.epochs * len(batches))
            cosine = torch.optim.lr_scheduler.CosineAnnealingLR(opt, steps, eta_min=1e-5)
            return {"optimizer": opt, "lr_scheduler": {"scheduler": cosine, "interval": "step"}}

    quiet = dict(
        accelerator="cpu",
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    n = epochs_in(seconds, lambda: L.Trainer(max_epochs=1, **quiet).fit(Module(1), batches))
    module, start = Module(n), time.perf_counter()
    L.Trainer(max_epochs=n, **quiet).fit(module, batches)
    return n, time.perf_counter() - start, by_network(work, module.network)


def fastai(work, seconds):
    "fastai's unet_learner, one cycle, its own transforms."
    from fastai.losses import BCEWithLogitsLossFlat
    from fastai.vision.all import (
        DataBlock,
        IndexSplitter,
        TensorImage,
        TensorMask,
        TransformBlock,
        aug_transforms,
        resnet18,
        unet_learner,
    )

    train, valid = Photos(work, "train"), Photos(work, "valid")
    image = lambda i: TensorImage(torch.tensor(train.read(i)[0]).permute(2, 0, 1).float() / 255)
    masks = lambda i: TensorMask(torch.tensor(train.read(i)[1]).permute(2, 0, 1).float())
    block = DataBlock(
        (TransformBlock, TransformBlock),
        get_x=image,
        get_y=masks,
        splitter=IndexSplitter([]),
        batch_tfms=aug_transforms(size=SIZE),
    )
    dls = block.dataloaders(range(len(train)), bs=BATCH, num_workers=2, device="cpu")
    make = lambda: unet_learner(
        dls, resnet18, pretrained=False, normalize=False, n_out=18, loss_func=BCEWithLogitsLossFlat(), metrics=[]
    )

    def fit(learn, n):
        with learn.no_bar(), learn.no_logging():
            learn.fit_one_cycle(n)

    n = epochs_in(seconds, lambda: fit(make(), 1))
    learn, start = make(), time.perf_counter()
    fit(learn, n)
    taken, network = time.perf_counter() - start, learn.model.eval()

    @torch.no_grad()
    def predict(i, file):
        return (network(torch.tensor(valid.read(i)[0]).permute(2, 0, 1)[None].float() / 255)[0] > 0).numpy()

    return n, taken, predict


def ultralytics(work, seconds):
    "YOLO11n-seg as `model.train` has it, told how long it may take."
    from ultralytics import YOLO

    model = YOLO("yolo11n-seg.yaml")
    how = dict(
        imgsz=SIZE,
        batch=BATCH,
        device="cpu",
        workers=2,
        plots=False,
        exist_ok=True,
        project=str(work / "yolo-runs"),
        verbose=False,
    )
    start = time.perf_counter()
    model.train(data=str(work / "yolo" / "data.yaml"), time=seconds / 3600, **how)
    taken, classes = time.perf_counter() - start, Photos(work, "valid").coco.cats
    place = {c["name"]: k for k, c in enumerate(classes[i] for i in sorted(classes))}

    def predict(i, file):
        found, masks = (
            model.predict(str(file), imgsz=SIZE, device="cpu", verbose=False)[0],
            np.zeros((18, SIZE, SIZE), bool),
        )
        for k, c in enumerate(found.boxes.cls.int().tolist() if found.masks is not None else []):
            mask = found.masks.data[k].numpy().astype(np.uint8)
            masks[place[found.names[c]]] |= cv2.resize(mask, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST) > 0
        return masks

    return model.trainer.epoch + 1, taken, predict


def carparts(work, seconds, recipe="quick-random"):
    "carparts_seg: `carparts train --recipe quick-random`, with as many epochs as fit."
    from carparts_seg.core.config import load_recipe, with_settings
    from carparts_seg.data.datasets import open_dataset
    from carparts_seg.data.selection import Split
    from carparts_seg.from_settings import evaluate_learner, experiment_dataloaders, experiment_learner

    about = json.loads((work / "about.json").read_text())
    data, split = open_dataset(about["source"]), Split("fold 0", about["train"], about["valid"])
    fixed = {"environment.seed": 0, "training.evaluation_epochs": 1000}

    def learner(epochs):
        cfg = with_settings(
            load_recipe(recipe),
            fixed | {"training.epochs": epochs, "training.warmup_epochs": min(1, epochs / 5)},
            "peers",
        )
        dls = experiment_dataloaders(cfg, data, split, torch.device("cpu"), cache=work / f"cache-{recipe}")
        return cfg, experiment_learner(cfg, dls, work / f"run-{recipe}-{epochs}", lambda line: None, False)

    def fit(learn, n):
        learn.remove_cbs([cb for cb in learn.cbs if cb.name in ("run_recorder", "evaluate_every")])
        with learn.no_bar(), learn.no_logging():
            learn.fit(n)

    n = epochs_in(seconds, lambda: fit(learner(1)[1], 1))
    (cfg, learn), start = learner(n), time.perf_counter()
    fit(learn, n)
    taken = time.perf_counter() - start
    figures = evaluate_learner(learn.model, learn.dls.valid, data, split.valid, cfg, learn.loss_func)[0]
    print(json.dumps({"precision": learn.precision, "miou of carparts_seg": figures["miou"]}))
    return n, taken, by_learner(work, learn, cfg)


def by_learner(work, learn, cfg):
    "`predict` of a network of carparts_seg, mirrored view and all."
    from carparts_seg.predict.network import predict_batches

    found = []
    for probs, _ in predict_batches(
        learn.model.eval(), learn.dls.valid, list(learn.dls.vocab), cfg.prediction.test_time_augmentations
    ):
        found += list((probs > cfg.prediction.probability_threshold).numpy())
    order = {file: k for k, file in enumerate(json.loads((work / "about.json").read_text())["valid"])}
    names = {Path(f).name: k for f, k in order.items()}
    return lambda i, file: found[names[Path(file).name]]


def prepare(work, source):
    "Fold 0, as COCO and as Ultralytics takes it."
    from carparts_seg import open_dataset, train_valid_files
    from carparts_seg.formats.editors import export_coco
    from carparts_seg.formats.yolo_export import export_yolo

    data = open_dataset(source)
    train, valid = train_valid_files(data.table)
    about = {"source": source, "images": str(data.folder.absolute()), "train": list(train), "valid": list(valid)}
    (work / "about.json").write_text(json.dumps(about))
    for part in ("train", "valid"):
        export_coco(
            data.table[data.table["file_name"].isin(about[part])],
            work / f"{part}.json",
            classes=data.classes,
            images=data.folder,
        )
    export_yolo(
        data.table, work / "yolo", classes=data.classes, images=data.folder, copy_images=True, valid_files=valid
    )


def imagenet(work, seconds):
    "carparts_seg with an encoder that knows ImageNet, beside the others: `carparts train --recipe quick`."
    return carparts(work, seconds, "quick")


PEERS = {
    "carparts": carparts,
    "imagenet": imagenet,
    "smp": smp,
    "lightning": lightning,
    "fastai": fastai,
    "ultralytics": ultralytics,
}


def run(name, work, minutes):
    "One peer's figures, into WORK/NAME.json."
    torch.manual_seed(0)
    torch.set_num_threads(2)
    epochs, taken, predict = PEERS[name](work, 60 * minutes)
    images = len(Photos(work, "train"))
    found = {
        "name": name,
        "epochs": epochs,
        "seconds": round(taken, 1),
        "images_per_second": round(epochs * images / taken, 1),
    }
    found |= {"miou": round(score(work, predict), 4), "minutes": minutes, "torch": torch.__version__}
    (work / f"{name}.json").write_text(json.dumps(found))
    print(json.dumps(found))


def table(work):
    "All figures, as Markdown."
    print("| | epochs | images a second | `miou` |\n|---|---|---|---|")
    for name in PEERS:
        if (work / f"{name}.json").is_file():
            f = json.loads((work / f"{name}.json").read_text())
            print(f"| {name} | {f['epochs']} | {f['images_per_second']:.0f} | {f['miou']:.3f} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["prepare", "table", *PEERS])
    parser.add_argument("work", type=Path)
    parser.add_argument("--data", default="car-parts")
    parser.add_argument("--minutes", type=float, default=10)
    args = parser.parse_args()
    args.work.mkdir(parents=True, exist_ok=True)
    if args.what == "prepare":
        prepare(args.work, args.data)
    elif args.what == "table":
        table(args.work)
    else:
        run(args.what, args.work.absolute(), args.minutes)
