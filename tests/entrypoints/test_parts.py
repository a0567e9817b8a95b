"""Parts and bodies that say how they are written: read as they say, or refused by name."""

from __future__ import annotations

import base64
import json
import quopri
from typing import TYPE_CHECKING

import pytest

from tests.entrypoints.function import EXECUTE, LIGHTHOUSE, data_of, error_of, picture
from tests.entrypoints.spellings import PROMPTS, accepted, disposed, encoded_as, prompts_of, refusal_of
from tests.hostile.row import form, part

if TYPE_CHECKING:
    from tests.entrypoints.function import Function
    from tests.harness.factory import Factory


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
        self, submit: Function, factory: Factory, encoding: str, content: bytes
    ) -> None:
        sent = part("prompts_text", content, encoded_as(Content_Transfer_Encoding=encoding))

        assert prompts_of(factory, accepted(submit, factory, sent)) == ["ein Böötchen, blau"]

    def test_that_is_an_image_in_base64_is_decoded(self, submit: Function, factory: Factory) -> None:
        more = disposed("a.png", "image/png", Content_Transfer_Encoding="base64")

        execution = accepted(submit, factory, PROMPTS, part("reference_images", base64.encodebytes(picture()), more))

        assert factory.images.reference(execution.parameters.references[0].name) == picture()

    @pytest.mark.parametrize(
        ("headers", "content", "told"),
        [
            ({"Content_Transfer_Encoding": "x-uuencode"}, b"a lighthouse", "“x-uuencode”"),
            ({"Content_Transfer_Encoding": "gzip"}, b"a lighthouse", "“gzip”"),
            ({"Content_Transfer_Encoding": "*base64"}, b"YSBjYXQ=", "“*base64”"),
            ({"Content_Type": "text/plain; charset=aliases"}, b"a lighthouse", "“aliases”"),
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
        "charset",
        ["utf-8", "UTF8", "iso-8859-1", "windows-1252", "utf-16", "utf-16-le", "cp037", "utf-7", "mac-roman", "cp850"],
    )
    def test_is_read_in_the_charset_that_it_names(self, submit: Function, factory: Factory, charset: str) -> None:
        text = "ein Böötchen\nein Möwchen"
        typed = encoded_as(Content_Type=f"text/plain; charset={charset}")
        body = json.dumps({"prompts_text": text, "api_key": "k"}, ensure_ascii=False).encode(charset)

        by_form = accepted(submit, factory, part("prompts_text", text.encode(charset), typed))
        by_json = submit.post(EXECUTE, data=body, content_type=f"application/json; charset={charset}")

        of_json = factory.store.executions[data_of(by_json, 202)["execution_id"]]
        assert prompts_of(factory, by_form) == prompts_of(factory, of_json) == text.splitlines()

    @pytest.mark.parametrize("charset", ["utf-8-sig", "utf-16", "utf-32"])
    def test_is_read_in_the_charset_that_its_first_bytes_tell(
        self, submit: Function, factory: Factory, charset: str
    ) -> None:
        sent = part("prompts_text", "ein Böötchen".encode(charset), disposed("prompts.txt", "text/plain"))

        assert prompts_of(factory, accepted(submit, factory, sent)) == ["ein Böötchen"]

    def test_of_a_charset_that_nobody_named_is_refused_when_it_looks_like_utf_16(self, submit: Function) -> None:
        refusal = refusal_of(submit, part("prompts_text", "a lighthouse".encode("utf-16-le")))

        assert "looks like UTF-16" in refusal[2]

    def test_is_read_in_the_charset_that_the_form_names(self, submit: Function, factory: Factory) -> None:
        text = part("prompts_text", "ein Böötchen".encode("cp1252"))

        execution = accepted(submit, factory, text, part("_charset_", b"windows-1252"))

        assert prompts_of(factory, execution) == ["ein Böötchen"]

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
    def test_may_be_a_file_of_any_plain_kind(self, submit: Function, factory: Factory, content_type: str) -> None:
        sent = part("prompts_text", b"a lighthouse", disposed("prompts.txt", content_type))

        assert prompts_of(factory, accepted(submit, factory, sent)) == ["a lighthouse"]

    def test_may_come_as_a_blob_in_every_field(self, submit: Function, factory: Factory) -> None:
        blob = disposed("blob", "text/plain")
        metadata = part("metadata", b'{"job": "42"}', disposed("blob", "application/json"))

        execution = accepted(submit, factory, PROMPTS, part("aspect_ratio", b"16:9\r\n", blob), metadata)

        assert (execution.parameters.aspect_ratio, execution.metadata) == ("16:9", {"job": "42"})


@pytest.mark.parametrize("boundary", ["----=_Part_1.2", "b/x:?(y)", '"in quotes; =/"', "b"])
def test_a_boundary_needs_no_quotes(submit: Function, boundary: str) -> None:
    body = form(PROMPTS).replace(b"--b", b"--" + boundary.strip('"').encode())

    answer = submit.post(EXECUTE, data=body, content_type=f"multipart/form-data; boundary={boundary}")

    data_of(answer, 202)


def test_a_body_that_is_compressed_on_its_way_is_refused(submit: Function) -> None:
    sent = {"content_type": "application/json", "environ_overrides": {"HTTP_TRANSFER_ENCODING": "gzip, chunked"}}

    answer = submit.post(EXECUTE, data=b"{}", **sent)

    assert "without a Transfer-Encoding" in error_of(answer, 400, "MALFORMED_REQUEST")["message"]


@pytest.mark.parametrize("encoding", ["", "identity ", "none", "UTF-8"])
def test_a_body_that_says_it_is_not_compressed_is_read(submit: Function, encoding: str) -> None:
    data_of(submit.post(EXECUTE, json=LIGHTHOUSE, headers={"Content-Encoding": encoding}), 202)
