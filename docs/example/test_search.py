"""A page's search, tested in real browsers: pytest --den-browser chromium --den-browser firefox."""

import pytest

from modelden.host.testing import BrowserError, DenPage, Fault, ModelServer

SEARCH = """
    import modelden
    engine = await modelden.create_engine(task_name="feature-extraction")
    (await engine.run(texts, pooling="mean", normalize=True)).tolist()
"""


@pytest.fixture(autouse=True)
def model(model_server: ModelServer) -> None:
    model_server.add_model("acme/minilm", "v1.0.0", "models/minilm", task="feature-extraction")


def test_equal_texts_have_equal_vectors(den_page: DenPage) -> None:
    one, other, equal = den_page.python(SEARCH, texts=["a cat", "a world", "a cat"])
    assert one == equal != other


def test_a_busy_hub_is_told(model_server: ModelServer, den_page: DenPage) -> None:
    model_server.fault(Fault(path="/hub/*", status=503))
    with pytest.raises(BrowserError, match="answered 503"):
        den_page.python(SEARCH, texts=["a cat"])
