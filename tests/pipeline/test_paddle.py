"""The paddleocr package as recogniser: really run, on a small model made here; and what happens without it."""

from __future__ import annotations

import os
import sys
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from edge.config.models import ModelSettings, RecogniserSettings
from edge.errors import InferenceError, ModelError
from edge.pipeline.image import PAD
from edge.pipeline.models import load_recogniser
from edge.pipeline.paddle import PaddleRecogniser
from edge.pipeline.posterior import decode_text
from edge.types import CLASSES, UInt8Array

SYMBOLS = "aB7-"
approx: Any = pytest.approx  # compares equal inside tuples of floats, which its type does not say
needs_paddle = pytest.mark.skipif(
    find_spec("paddle") is None or find_spec("paddleocr") is None,
    reason="the extra [paddle] is not installed; scripts/test-paddle installs it beside and runs this",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CTC net that names the grey of each eighth of the line: black blank, then one symbol per 50 levels."""
    import paddle

    class Net(paddle.nn.Layer):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()  # paddle writes no parameter file for a net without parameters
            self.grey_levels = self.create_parameter([1], default_initializer=paddle.nn.initializer.Constant(127.5))

        def forward(self, x: Any) -> Any:
            grey = paddle.mean((x + 1) * self.grey_levels, axis=[1, 2])
            parts = paddle.mean(paddle.reshape(grey, [0, 8, -1]), axis=2, keepdim=True)
            levels = paddle.arange(0, 50.0 * (len(SYMBOLS) + 2), 50.0).reshape([1, 1, -1])
            return paddle.nn.functional.softmax(-((parts - levels) ** 2) / 200, axis=-1)

    folder = tmp_path_factory.mktemp("rec")
    net = Net()
    net.eval()
    spec = paddle.static.InputSpec([-1, 3, 48, 320], "float32", name="x")
    paddle.jit.save(net, str(folder / "inference"), input_spec=[spec])
    description = {
        "Global": {"model_name": "en_PP-OCRv5_mobile_rec"},
        "PreProcess": {
            "transform_ops": [
                {"DecodeImage": {"channel_first": False, "img_mode": "BGR"}},
                {"RecResizeImg": {"image_shape": [3, 48, 320]}},
            ]
        },
        "PostProcess": {"name": "CTCLabelDecode", "character_dict": list(SYMBOLS)},
    }
    (folder / "inference.yml").write_text(yaml.safe_dump(description))
    return folder


def line(*levels: int) -> UInt8Array:
    """A full-width crop whose eighths have these grey levels."""
    return np.repeat(np.array(levels, np.uint8), 80)[None, :].repeat(96, axis=0)


@pytest.mark.paddle
@needs_paddle
def test_paddleocr_reads_a_batch(folder: Path) -> None:
    settings = ModelSettings(provider="cpu", threads=1, recogniser=RecogniserSettings(engine="paddleocr", model=folder))
    reader = load_recogniser(settings)
    assert reader.name == "paddleocr en_PP-OCRv5_mobile_rec"
    assert reader.crop_size == (96, 640)
    reads = reader.read([line(50, 0, 100, 150, 200, 100, 0, 0), line(150, 0, 150, 0, 0, 0, 0, 0), line(*[0] * 8)])
    assert [decode_text(r.posterior)[0] for r in reads] == ["AB7B", "77", ""]
    assert [r.legible > 0.9 for r in reads] == [True, True, False]
    for read in reads:
        assert read.posterior.sum(axis=1) == approx(np.ones(len(read.posterior)), abs=0.001)
    assert reader.read([]) == ()


@pytest.mark.paddle
@needs_paddle
def test_only_one_cv2_is_installed_beside_paddle() -> None:
    """paddleocr pulls opencv-contrib-python; a second provider of cv2 would overwrite its files."""
    providers = {d.metadata["Name"] for d in distributions() if d.metadata["Name"].lower().startswith("opencv")}
    assert len(providers) == 1


@pytest.mark.paddle
@needs_paddle
@pytest.mark.parametrize("damage", ["no description", "text", "cut"])
def test_a_damaged_paddle_model_is_named_with_what_to_do(damage: str, folder: Path, tmp_path: Path) -> None:
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    if damage == "no description":
        (tmp_path / "inference.yml").unlink()
    elif damage == "text":
        (tmp_path / "inference.json").write_text("not a model")
    else:
        (tmp_path / "inference.json").unlink()
    with pytest.raises(ModelError, match=r"Fix: "):
        PaddleRecogniser(tmp_path, provider="cpu")


def test_without_the_extra_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paddleocr", None)
    with pytest.raises(ModelError, match=r"Fix: pip install '\.\[paddle\]'"):
        load_recogniser(ModelSettings(recogniser=RecogniserSettings(engine="paddleocr")))


def test_a_paddleocr_of_another_age_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "paddleocr", type(sys)("paddleocr"))
    with pytest.raises(ModelError, match=r"Fix: pip install 'paddleocr>=3'"):
        PaddleRecogniser(None)


class FakeTextRecognition:
    """Stands in for the package: answers what its kind of result looks like, or fails."""

    answer: Any = None
    shapes: tuple[tuple[int, ...], ...] = ()
    threads = 0

    def __init__(self, *, cpu_threads: int, **_: Any) -> None:
        type(self).threads = cpu_threads

    def predict(self, pictures: list[UInt8Array], batch_size: int) -> list[dict[str, Any]]:
        assert batch_size == len(pictures)
        type(self).shapes = tuple(p.shape for p in pictures)
        if isinstance(self.answer, Exception):
            raise self.answer
        return [self.answer] * len(pictures)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> type[FakeTextRecognition]:
    module: Any = type(sys)("paddleocr")
    module.TextRecognition = FakeTextRecognition
    monkeypatch.setitem(sys.modules, "paddleocr", module)
    return FakeTextRecognition


def test_one_score_becomes_one_distribution_per_character(
    fake: type[FakeTextRecognition], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "answer", {"rec_text": "ab-1 é2", "rec_score": 0.9})
    (read,) = PaddleRecogniser(None).read([np.zeros((96, 640), np.uint8)])
    assert decode_text(read.posterior) == ("AB12", approx(0.9**4, rel=1e-4))
    assert read.posterior[0] == approx(np.where(np.arange(CLASSES) == 11, 0.9, 0.1 / 36), abs=1e-6)
    assert read.legible == approx(0.9)


@pytest.mark.parametrize(("text", "score"), [("", 0.0), ("---", 0.99), ("ABCDEFGHIJKLM", 0.99), ("A", float("nan"))])
def test_no_text_or_too_much_is_not_legible(
    text: str, score: float, fake: type[FakeTextRecognition], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "answer", {"rec_text": text, "rec_score": score})
    (read,) = PaddleRecogniser(None).read([np.zeros((96, 640), np.uint8)])
    assert read.legible == 0.0


@pytest.mark.parametrize(("wanted", "cores", "given"), [(0, 4, 3), (0, 1, 1), (7, 4, 7)])
def test_one_core_is_left_to_the_decoder(
    wanted: int, cores: int, given: int, fake: type[FakeTextRecognition], monkeypatch: pytest.MonkeyPatch
) -> None:
    """models.threads means the same whichever package reads."""
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)))
    PaddleRecogniser(None, threads=wanted)
    assert fake.threads == given


def test_padding_is_not_shown_to_paddle(fake: type[FakeTextRecognition], monkeypatch: pytest.MonkeyPatch) -> None:
    """It pads by itself; grey on the right would be squeezed in as if it were part of the plate."""
    monkeypatch.setattr(fake, "answer", {"rec_text": "A", "rec_score": 0.9})
    crop = np.full((96, 640), PAD, np.uint8)
    crop[:, :400] = 30
    PaddleRecogniser(None).read([crop, np.full((96, 640), PAD, np.uint8)])
    assert fake.shapes[0] == (48, 200, 3)
    assert all(width < 10 for _, width, _ in fake.shapes[1:])


def test_a_failing_paddle_is_an_inference_error(
    fake: type[FakeTextRecognition], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fake, "answer", RuntimeError("the GPU is lost"))
    with pytest.raises(InferenceError, match="failed on 1 lines: the GPU is lost"):
        PaddleRecogniser(None).read([np.zeros((96, 640), np.uint8)])
