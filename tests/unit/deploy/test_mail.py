"""The mail sink keeps what it took and fails as asked."""

from email.message import EmailMessage

import aiosmtplib
import pytest

from deploy.local.mail import Fault, Sink, messages, serving


def _message(number=1):
    message = EmailMessage()
    message["From"], message["To"] = "carnet@carnet.test", "alice@patient.test"
    message["Subject"], message["Message-ID"] = f"Été {number}", f"<{number}@carnet.test>"
    message.set_content("Un document a été ajouté.")
    return message


async def _send(port, number=1, patience=5.0):
    return await aiosmtplib.send(_message(number), hostname="127.0.0.1", port=port, timeout=patience, start_tls=False)


async def test_messages_are_kept_in_order_and_private(tmp_path):
    async with serving(Sink(tmp_path / "mail")) as port:
        for number in range(3):
            await _send(port, number)
    kept = messages(tmp_path / "mail")
    assert [str(message["Subject"]) for message in kept] == ["Été 0", "Été 1", "Été 2"]
    assert "ajouté" in kept[0].get_content()
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "mail").iterdir()} == {0o600}


@pytest.mark.parametrize(("fault", "code"), [(Fault.TEMPORARY, 451), (Fault.PERMANENT, 550)])
async def test_refuses_the_first_ones(tmp_path, fault, code):
    async with serving(Sink(tmp_path, fault, failures=2)) as port:
        for _ in range(2):
            with pytest.raises(aiosmtplib.SMTPResponseException) as refused:
                await _send(port)
            assert refused.value.code == code
        await _send(port)
    assert len(messages(tmp_path)) == 1


async def test_hangs_until_the_sender_gives_up(tmp_path):
    async with serving(Sink(tmp_path, Fault.HANG, failures=1, hang_s=5)) as port:
        with pytest.raises(aiosmtplib.SMTPException):
            await _send(port, patience=0.2)
    assert not messages(tmp_path)


@pytest.mark.parametrize(("fault", "kept"), [(Fault.DISCONNECT, 0), (Fault.KEEP_AND_DISCONNECT, 1)])
async def test_connection_breaks_before_the_answer(tmp_path, fault, kept):
    async with serving(Sink(tmp_path, fault, failures=1)) as port:
        with pytest.raises(aiosmtplib.SMTPException):
            await _send(port)
    assert len(messages(tmp_path)) == kept


@pytest.mark.parametrize(
    ("sender", "code"),
    [
        (b"<a.b+c@carnet.test>", 250),
        (b"<a.b+c@carnet.test> size=3000 body=8bitmime", 250),
        (b'<"a b"@carnet.test> size=3000', 250),
        (b"a@carnet.test", 250),
        (b"<>", 250),
        (b"<a@carnet.test> size=100000000", 552),
        (b"<a@carnet.test>size", 501),
        (b"<a@carnet.test> unknown=1", 555),
    ],
)
async def test_addresses_are_read_with_their_parameters(tmp_path, sender, code):
    async with serving(Sink(tmp_path)) as port, aiosmtplib.SMTP(hostname="127.0.0.1", port=port) as smtp:
        await smtp.ehlo()
        assert (await smtp.execute_command(b"MAIL", b"FROM:" + sender)).code == code
