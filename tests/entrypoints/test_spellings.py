"""What phones, pages, servers and copied examples really send: taken as it was meant, or refused by name."""

from __future__ import annotations

import base64
import json
import quopri
from typing import TYPE_CHECKING, Any

import pytest

from tests.entrypoints.function import EXECUTE, LIGHTHOUSE, data_of, error_of, faults_of, picture
from tests.hostile.row import FORM_TYPE, form, part

if TYPE_CHECKING:
    from imagefactory.domain.execution import Execution
    from tests.entrypoints.function import Function
    from tests.entrypoints.world import World

PROMPTS = part("prompts_text", b"a lighthouse")
NO_NAME = b"\r\nContent-Type: "


def disposed(filename: str = "", content_type: str = "", **headers: str) -> bytes:
    """What stands behind a part's name: a file name, and headers."""
    named = f'; filename="{filename}"'.encode()
    typed = f"\r\nContent-Type: {content_type}".encode() if content_type else b""
    return named + typed + encoded_as(**headers)


def encoded_as(**headers: str) -> bytes:
    """Headers of a part, their names with underscores."""
    return b"".join(f"\r\n{name.replace('_', '-')}: {value}".encode() for name, value in headers.items())


def accepted(submit: Function, world: World, *parts: bytes) -> Execution:
    """The execution that a form of these parts becomes."""
    answer = submit.post(EXECUTE, data=form(*parts), content_type=FORM_TYPE)
    return world.store.executions[data_of(answer, 202)["execution_id"]]


def prompts_of(world: World, execution: Execution) -> list[str]:
    return [one.text for one in world.store.chunks[execution.id, 0]]


def refusal_of(submit: Function, *parts: bytes) -> tuple[str, int | None, str]:
    """The one fault for which a form of these parts is refused."""
    answer = submit.post(EXECUTE, data=form(*parts), content_type=FORM_TYPE)
    (detail,) = error_of(answer, 400, "VALIDATION_FAILED")["details"]
    return detail["field"], detail.get("index"), detail["message"]


class TestWhatWasLeftEmpty:
    @pytest.mark.parametrize(
        "empty",
        [
            pytest.param(part("reference_images", b""), id="a reference as a text"),
            pytest.param(part("reference_images", b"", disposed()), id="an untouched file input"),
            pytest.param(
                part("reference_images", b"", disposed("undefined", "application/octet-stream")), id="undefined"
            ),
            pytest.param(
                part("reference_images", b"", disposed("blob", "application/octet-stream")), id="an empty blob"
            ),
            pytest.param(part("reference_images", b"", NO_NAME + b"application/octet-stream"), id="no name, a type"),
            pytest.param(part("model", b"", disposed()), id="a file where a text is meant"),
            pytest.param(part("output_format", b"", disposed("blob", "text/plain")), id="a blob where a text is meant"),
            pytest.param(part("metadata", b"  \r\n "), id="metadata of spaces"),
            pytest.param(part("metadata", b"", disposed("blob", "application/json")), id="metadata of nothing"),
            pytest.param(part("aspect_ratio", b" "), id="a ratio of a space"),
            pytest.param(part("resolution", b"\r\n"), id="a resolution of a line end"),
            pytest.param(part("prompts_text", b"", disposed("undefined")), id="a second field of prompts"),
            pytest.param(part("reference_images", b"undefined"), id="what a script makes of nothing"),
            pytest.param(part("model", b"null"), id="what a script makes of null"),
            pytest.param(part("metadata", b"[]"), id="what PHP makes of an empty map"),
            pytest.param(part("metadata", "\ufeff\u00a0".encode()), id="metadata of marks"),
        ],
    )
    def test_in_a_form_was_not_filled_in(self, submit: Function, world: World, empty: bytes) -> None:
        execution = accepted(submit, world, PROMPTS, empty)

        assert (execution.recipe.references, execution.metadata, prompts_of(world, execution)) == (
            (),
            {},
            ["a lighthouse"],
        )

    @pytest.mark.parametrize(
        "empty",
        [
            *({name: ""} for name in ("model", "aspect_ratio", "resolution", "output_format", "metadata", "prompts")),
            {"reference_images": ""},
            {"model": " \n"},
            {"reference_images": [None, "", {"data": ""}, {"mime_type": "application/octet-stream", "data": ""}]},
            {"prompts_text": "", "prompts": ["a lighthouse"]},
            {"metadata": []},
            {"reference_images": [{}, {"mime_type": None, "data": None}]},
        ],
        ids=json.dumps,
    )
    def test_in_json_was_not_filled_in(self, submit: Function, empty: dict[str, Any]) -> None:
        data_of(submit.post(EXECUTE, json=LIGHTHOUSE | empty), 202)

    def test_and_is_needed_is_told(self, submit: Function) -> None:
        answer = submit.post(EXECUTE, json={"prompts_text": "", "api_key": " "})

        assert faults_of(answer) == [("prompts", None), ("api_key", None)]

    @pytest.mark.parametrize("named", [disposed("fox.png"), disposed("IMG_1", "image/jpeg")])
    def test_in_a_file_that_somebody_chose_is_told(self, submit: Function, named: bytes) -> None:
        field, index, message = refusal_of(submit, PROMPTS, part("reference_images", b"", named))

        assert (field, index) == ("reference_images", 0)
        assert "empty" in message


class TestAReference:
    @pytest.mark.parametrize(
        "declared",
        [
            *("", "application/octet-stream", "application/x-octet-stream", "binary/octet-stream", "*/*", "image/*"),
            *("text/plain", "null", "undefined", "application/pdf", "image", "image/jpg", "image/pjpeg", "IMAGE/JPEG"),
            *("image/jpeg; charset=binary", "image/jpg;name=a.jpg", " image/jpeg "),
        ],
    )
    def test_is_judged_by_content_whatever_it_is_called(self, submit: Function, world: World, declared: str) -> None:
        image = {"mime_type": declared, "data": base64.b64encode(picture("JPEG")).decode()}

        by_form = accepted(submit, world, PROMPTS, part("reference_images", picture("JPEG"), disposed("a", declared)))
        by_json = submit.post(EXECUTE, json=LIGHTHOUSE | {"reference_images": [image]})

        of_json = world.store.executions[data_of(by_json, 202)["execution_id"]]
        for execution in (by_form, of_json):
            assert [one.content_type for one in execution.recipe.references] == ["image/jpeg"]

    @pytest.mark.parametrize("declared", ["image/png", "image/x-png; q=1", "image/webp", "image/gif", "image/heic"])
    def test_that_says_it_is_another_kind_of_image_is_refused(self, submit: Function, declared: str) -> None:
        image = {"mime_type": declared, "data": base64.b64encode(picture("JPEG")).decode()}
        sent = part("reference_images", picture("JPEG"), disposed("a.jpg", declared))

        in_a_form = submit.post(EXECUTE, data=form(PROMPTS, sent), content_type=FORM_TYPE)
        in_json = submit.post(EXECUTE, json=LIGHTHOUSE | {"reference_images": [image]})

        for answer in (in_a_form, in_json):
            assert faults_of(answer) == [("reference_images", 0)]

    @pytest.mark.parametrize(
        "more",
        [NO_NAME + b"application/octet-stream", NO_NAME + b"image/png", NO_NAME + b"text/plain", b""],
    )
    def test_without_a_file_name_is_a_file(self, submit: Function, world: World, more: bytes) -> None:
        execution = accepted(submit, world, PROMPTS, part("reference_images", picture(), more))

        assert len(execution.recipe.references) == 1

    @pytest.mark.parametrize(
        "spelt",
        [
            lambda data: base64.encodebytes(data).decode(),
            lambda data: base64.urlsafe_b64encode(data).decode().rstrip("="),
            lambda data: "data:image/png;base64," + base64.b64encode(data).decode(),
            lambda data: "Data:image/png;name=a.png;BASE64," + base64.encodebytes(data).decode(),
        ],
    )
    def test_is_read_in_every_spelling_of_base64(self, submit: Function, world: World, spelt: Any) -> None:
        image = {"data": spelt(picture())}

        answer = submit.post(EXECUTE, json=LIGHTHOUSE | {"reference_images": [image]})

        execution = world.store.executions[data_of(answer, 202)["execution_id"]]
        assert world.images.reference(execution.recipe.references[0].name) == picture()

    @pytest.mark.parametrize("more", [b"", disposed("blob", "application/octet-stream")])
    def test_may_be_a_data_url_in_a_form(self, submit: Function, world: World, more: bytes) -> None:
        # As letters it is longer than a file may be.
        image = picture() + bytes(5 * 1024 * 1024 - len(picture()))
        url = b"data:image/png;base64," + base64.b64encode(image)

        execution = accepted(submit, world, PROMPTS, part("reference_images", url, more))

        assert world.images.reference(execution.recipe.references[0].name) == image

    def test_may_be_a_data_url_in_a_list_of_json(self, submit: Function, world: World) -> None:
        url = "data:image/png;base64," + base64.b64encode(picture()).decode()

        answer = submit.post(EXECUTE, json=LIGHTHOUSE | {"reference_images": [url]})

        assert len(world.store.executions[data_of(answer, 202)["execution_id"]].recipe.references) == 1

    @pytest.mark.parametrize("name", ["reference_images[]", "reference_images[0]"])
    def test_may_have_the_name_that_programs_give_to_lists(self, submit: Function, world: World, name: str) -> None:
        execution = accepted(submit, world, PROMPTS, part(name, picture(), disposed("a.png", "image/png")))

        assert len(execution.recipe.references) == 1

    @pytest.mark.parametrize(
        "text", [b"@fox.png", b"https://example.com/a.png", b"data:,", b"data:text/plain,abc", b"YWJj"]
    )
    def test_that_is_a_text_is_refused_with_what_to_send(self, submit: Function, text: bytes) -> None:
        field, index, message = refusal_of(submit, PROMPTS, part("reference_images", text))

        assert (field, index) == ("reference_images", 0)
        assert "must be a file" in message

    def test_that_cannot_be_read_does_not_move_the_place_of_the_next(self, submit: Function) -> None:
        images = [7, {"data": base64.b64encode(b"GIF89a").decode()}, {"data": base64.b64encode(picture()).decode()}]

        answer = submit.post(EXECUTE, json=LIGHTHOUSE | {"reference_images": images})

        assert faults_of(answer) == [("reference_images", 0), ("reference_images", 1)]


class TestAPart:
    @pytest.mark.parametrize(
        ("encoding", "content"),
        [
            ("base64", base64.encodebytes("ein Böötchen, blau".encode())),
            ("BASE64", base64.b64encode("ein Böötchen, blau".encode())),
            ("quoted-printable", quopri.encodestring("ein Böötchen, blau".encode())),
            ("Quoted-Printable", b"ein B=C3=B6=\r\n=C3=B6tchen, blau"),
            ("8bit", "ein Böötchen, blau".encode()),
            ("binary", "ein Böötchen, blau".encode()),
            ("8-bit", "ein Böötchen, blau".encode()),
            ('"base64" (lines)', base64.encodebytes("ein Böötchen, blau".encode())),
            ("utf-8", "ein Böötchen, blau".encode()),
        ],
    )
    def test_that_says_how_it_is_encoded_is_decoded(
        self, submit: Function, world: World, encoding: str, content: bytes
    ) -> None:
        sent = part("prompts_text", content, encoded_as(Content_Transfer_Encoding=encoding))

        assert prompts_of(world, accepted(submit, world, sent)) == ["ein Böötchen, blau"]

    def test_that_is_an_image_in_base64_is_decoded(self, submit: Function, world: World) -> None:
        more = disposed("a.png", "image/png", Content_Transfer_Encoding="base64")

        execution = accepted(submit, world, PROMPTS, part("reference_images", base64.encodebytes(picture()), more))

        assert world.images.reference(execution.recipe.references[0].name) == picture()

    @pytest.mark.parametrize(
        ("headers", "content", "told"),
        [
            ({"Content_Transfer_Encoding": "x-uuencode"}, b"a lighthouse", "“x-uuencode”"),
            ({"Content_Transfer_Encoding": "gzip"}, b"a lighthouse", "“gzip”"),
            ({"Content_Encoding": "br"}, b"a lighthouse", "“br”"),
            ({"Content_Transfer_Encoding": "base64"}, b"a lighthouse!", "not"),
            ({"Content_Transfer_Encoding": "quoted-printable"}, b"100 =% wool", "not"),
            ({"Content_Type": "text/plain; charset=klingon"}, b"a lighthouse", "“klingon”"),
            ({"Content_Type": "text/plain; charset=punycode"}, b"a lighthouse", "“punycode”"),
            ({"Content_Type": "text/plain; charset=hex"}, b"61206261", "“hex”"),
            ({"Content_Type": "text/plain; charset=ascii"}, "Böötchen".encode(), "not ascii at byte 2"),
            ({"Content_Type": "text/plain; charset=utf-16"}, b"a light", "not utf-16"),
        ],
    )
    def test_that_cannot_be_decoded_is_refused_by_name(
        self, submit: Function, headers: dict[str, str], content: bytes, told: str
    ) -> None:
        field, _, message = refusal_of(submit, part("prompts_text", content, encoded_as(**headers)))

        assert field == "prompts_text"
        assert told in message

    def test_that_names_two_encodings_is_refused(self, submit: Function) -> None:
        headers = b"\r\nContent-Transfer-Encoding: binary\r\nContent-Transfer-Encoding: base64"

        assert "base64, binary" in refusal_of(submit, part("prompts_text", b"YSBjYXQ=", headers))[2]

    def test_that_is_too_long_before_it_is_decoded_is_never_cut(self, submit: Function) -> None:
        long = b"gemini-3-pro-image" + b"=\r\n" * 300 + b"XXXX"

        refusal = refusal_of(
            submit, PROMPTS, part("model", long, encoded_as(Content_Transfer_Encoding="quoted-printable"))
        )

        assert (refusal[0], "more than 200 bytes" in refusal[2]) == ("model", True)

    def test_that_is_too_large_once_it_is_decoded_is_refused(self, submit: Function) -> None:
        large = base64.b64encode(bytes(5 * 1024 * 1024 + 1))
        more = disposed("a.png", "image/png", Content_Transfer_Encoding="base64")

        field, index, message = refusal_of(submit, PROMPTS, part("reference_images", large, more))

        assert (field, index, "more than" in message) == ("reference_images", 0, True)

    def test_that_is_no_base64_is_refused_as_a_reference_too(self, submit: Function) -> None:
        more = disposed("a.png", "image/png", Content_Transfer_Encoding="base64")

        assert refusal_of(submit, PROMPTS, part("reference_images", b"***", more))[:2] == ("reference_images", 0)


class TestText:
    @pytest.mark.parametrize(
        "charset", ["utf-8", "UTF8", "iso-8859-1", "windows-1252", "utf-16", "utf-16-le", "cp037", "utf-7"]
    )
    def test_is_read_in_the_charset_that_it_names(self, submit: Function, world: World, charset: str) -> None:
        text = "ein Böötchen\nein Möwchen"
        typed = encoded_as(Content_Type=f"text/plain; charset={charset}")
        body = json.dumps({"prompts_text": text, "api_key": "k"}, ensure_ascii=False).encode(charset)

        by_form = accepted(submit, world, part("prompts_text", text.encode(charset), typed))
        by_json = submit.post(EXECUTE, data=body, content_type=f"application/json; charset={charset}")

        of_json = world.store.executions[data_of(by_json, 202)["execution_id"]]
        assert prompts_of(world, by_form) == prompts_of(world, of_json) == text.splitlines()

    @pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "utf-32"])
    def test_is_read_in_the_charset_that_its_first_bytes_tell(
        self, submit: Function, world: World, charset: str
    ) -> None:
        sent = part("prompts_text", "ein Böötchen".encode(charset), disposed("prompts.txt", "text/plain"))

        assert prompts_of(world, accepted(submit, world, sent)) == ["ein Böötchen"]

    def test_of_a_charset_that_nobody_named_is_refused_when_it_looks_like_utf_16(self, submit: Function) -> None:
        refusal = refusal_of(submit, part("prompts_text", "a lighthouse".encode("utf-16-le")))

        assert "looks like UTF-16" in refusal[2]

    def test_is_read_in_the_charset_that_the_form_names(self, submit: Function, world: World) -> None:
        text = part("prompts_text", "ein Böötchen".encode("cp1252"))

        execution = accepted(submit, world, text, part("_charset_", b"windows-1252"))

        assert prompts_of(world, execution) == ["ein Böötchen"]

    def test_of_a_charset_that_is_not_known_is_refused_as_a_body_too(self, submit: Function) -> None:
        for charset in ("charset=klingon", "charset*=utf-8''%00", "charset=" + "x" * 5000):
            unknown = submit.post(EXECUTE, data=b"{}", content_type=f"application/json; {charset}")
            error_of(unknown, 415, "UNSUPPORTED_MEDIA_TYPE")
        unknown = submit.post(EXECUTE, data=b"{}", content_type="application/json; charset=klingon")
        wrong = submit.post(EXECUTE, data=b'"\xe9"', content_type="application/json; charset=ascii")

        assert "klingon" in error_of(unknown, 415, "UNSUPPORTED_MEDIA_TYPE")["message"]
        assert "not ascii at byte 2" in error_of(wrong, 400, "MALFORMED_REQUEST")["message"]

    @pytest.mark.parametrize(
        ("filename", "content_type", "told"),
        [
            ("prompts.rtf", "text/rtf", "RTF"),
            ("prompts.rtf", "application/octet-stream", "RTF"),
            ("p", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "Excel"),
            ("prompts.csv", "application/vnd.ms-excel", "CSV"),
            ("prompts.csv", "text/plain", "CSV"),
            ("prompts", "text/csv; header=present", "CSV"),
            ("p.ods", "", "OpenDocument"),
            ("p", "text/html", "HTML"),
            ("p.json", "application/json", "JSON"),
            ("p", "application/x-tar", "application/x-tar"),
            ("prompts.csv ", "text/plain", "CSV"),
            ("p.xlsm", "application/octet-stream", "Excel"),
            ("p", "text/enriched", "RTF"),
        ],
    )
    def test_that_says_it_is_no_plain_text_is_refused_by_name(
        self, submit: Function, filename: str, content_type: str, told: str
    ) -> None:
        sent = part("prompts_text", b"a lighthouse", disposed(filename, content_type))

        field, _, message = refusal_of(submit, sent)

        assert field == "prompts_text"
        assert f"this is {told}" in message.replace("an Excel", "Excel").replace("an Open", "Open")

    def test_that_begins_as_rtf_is_refused_whatever_it_is_called(self, submit: Function) -> None:
        sent = part("prompts_text", b"{\\rtf1 a lighthouse}", disposed("prompts.txt", "text/plain"))

        assert "this is RTF" in refusal_of(submit, sent)[2]

    @pytest.mark.parametrize(
        "content_type",
        [
            *(
                "text/plain",
                "text/markdown",
                "application/octet-stream",
                "*/*",
                "",
                "multipart/form-data",
                "plain/text",
            ),
            *("application/txt", "content/unknown", "application/x-binary", "application/*", "inode/x-empty"),
        ],
    )
    def test_may_be_a_file_of_any_plain_kind(self, submit: Function, world: World, content_type: str) -> None:
        sent = part("prompts_text", b"a lighthouse", disposed("prompts.txt", content_type))

        assert prompts_of(world, accepted(submit, world, sent)) == ["a lighthouse"]

    def test_may_come_as_a_blob_in_every_field(self, submit: Function, world: World) -> None:
        blob = disposed("blob", "text/plain")
        metadata = part("metadata", b'{"job": "42"}', disposed("blob", "application/json"))

        execution = accepted(submit, world, PROMPTS, part("aspect_ratio", b"16:9\r\n", blob), metadata)

        assert (execution.recipe.aspect_ratio, execution.metadata) == ("16:9", {"job": "42"})


@pytest.mark.parametrize("boundary", ["----=_Part_1.2", "b/x:?(y)", '"in quotes; =/"', "b"])
def test_a_boundary_needs_no_quotes(submit: Function, boundary: str) -> None:
    body = form(PROMPTS).replace(b"--b", b"--" + boundary.strip('"').encode())

    answer = submit.post(EXECUTE, data=body, content_type=f"multipart/form-data; boundary={boundary}")

    data_of(answer, 202)


@pytest.mark.parametrize("encoding", ["", "identity ", "none", "UTF-8"])
def test_a_body_that_says_it_is_not_compressed_is_read(submit: Function, encoding: str) -> None:
    data_of(submit.post(EXECUTE, json=LIGHTHOUSE, headers={"Content-Encoding": encoding}), 202)


class TestAKey:
    @pytest.mark.parametrize("sent", ['"the-key"', " the-key\r\n", "\ufeffthe-key", "\u201cthe-key\u201d"])
    def test_is_kept_without_what_stands_around_it(self, submit: Function, world: World, sent: str) -> None:
        by_json = submit.post(EXECUTE, json=LIGHTHOUSE | {"api_key": sent})
        body = part("api_key", sent.encode()) + PROMPTS + b"--b--\r\n"
        by_form = submit.post(EXECUTE, data=body, content_type=FORM_TYPE)

        for answer in (by_json, by_form):
            execution = world.store.executions[data_of(answer, 202)["execution_id"]]
            assert execution.sealed_key is not None
            assert world.vault.open(execution.sealed_key, execution.id) == "the-key"

    @pytest.mark.parametrize("sent", ["undefined", "null", "YOUR_API_KEY", "GEMINI_API_KEY=AIza1", "AIza1,AIza2"])
    def test_that_cannot_be_one_is_refused_at_submit_and_at_retry(self, submit: Function, sent: str) -> None:
        submitted = submit.post(EXECUTE, json=LIGHTHOUSE | {"api_key": sent})
        execution_id = data_of(submit.post(EXECUTE, json=LIGHTHOUSE), 202)["execution_id"]
        retried = submit.post(f"/api/executions/{execution_id}/retry", json={"api_key": sent})

        assert faults_of(submitted) == faults_of(retried) == [("api_key", None)]


class TestARetry:
    @pytest.mark.parametrize("kind", ["application/json", "text/plain;charset=UTF-8"])
    def test_of_null_is_one_without_a_body_whatever_its_type(self, submit: Function, kind: str) -> None:
        execution_id = data_of(submit.post(EXECUTE, json=LIGHTHOUSE), 202)["execution_id"]
        submit.post(f"/api/executions/{execution_id}/cancel")

        answer = submit.post(f"/api/executions/{execution_id}/retry", data=b" null\n", content_type=kind)

        assert faults_of(answer) == [("api_key", None)]

    @pytest.mark.parametrize("sent", [b"", b"null", b" \r\n", b"{}", b'{"status": null, "api_key": ""}'])
    @pytest.mark.parametrize("chunked", [False, True])
    def test_without_anything_in_its_body_takes_all(self, submit: Function, sent: bytes, *, chunked: bool) -> None:
        execution_id = data_of(submit.post(EXECUTE, json=LIGHTHOUSE), 202)["execution_id"]
        submit.post(f"/api/executions/{execution_id}/cancel")
        path = f"/api/executions/{execution_id}/retry"

        kind = "application/json"
        answer = submit.chunked(path, sent, kind) if chunked else submit.post(path, data=sent, content_type=kind)

        # It asks for the key, which was deleted with the end: so the body was read as none.
        assert faults_of(answer) == [("api_key", None)]


@pytest.mark.parametrize("sign", ["\x85", "\u2028", "\u2029", "\x0b", "\x0c", "\x1c", "\x1d", "\x1e"])
def test_no_answer_has_a_line_end_inside_a_value(submit: Function, status: Function, sign: str) -> None:
    text = f"a lighthouse{sign}at night"
    execution_id = data_of(submit.post(EXECUTE, json={"prompts": [text] * 3, "api_key": "k"}), 202)["execution_id"]

    lines = status.get(f"/api/executions/{execution_id}/results.jsonl").get_data(as_text=True).splitlines()
    shown = status.get(f"/api/executions/{execution_id}")

    assert [json.loads(line)["prompt_text"] for line in lines] == [text] * 3
    assert len(shown.get_data(as_text=True).splitlines()) == 1
    assert data_of(shown)["batch_results"][0]["prompt_text"] == text


@pytest.mark.parametrize("header", ["*", '"a", {etag}', "W/{etag}"])
def test_whoever_has_the_execution_as_it_is_gets_it_no_second_time(
    submit: Function, status: Function, header: str
) -> None:
    path = f"/api/executions/{data_of(submit.post(EXECUTE, json=LIGHTHOUSE), 202)['execution_id']}"
    etag = status.get(path).headers["ETag"]

    answer = status.get(path, headers={"If-None-Match": header.format(etag=etag)})

    assert (answer.status_code, answer.headers["ETag"]) == (304, etag)


def test_a_batch_that_names_no_model_is_made_by_one_that_is_not_retired(submit: Function, world: World) -> None:
    data = data_of(submit.post(EXECUTE, json=LIGHTHOUSE), 202)

    execution = world.store.executions[data["execution_id"]]
    assert execution.recipe.model == "gemini-3.1-flash-lite-image"
    assert data["estimated_cost_usd"] == pytest.approx(3 * 0.0336)
    (warning,) = data["warnings"]
    assert "gemini-2.5-flash-image was announced to be shut down on 2026-10-02" in warning
    assert "so gemini-3.1-flash-lite-image makes it" in warning
