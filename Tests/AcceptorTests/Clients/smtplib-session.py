"""One message by Python's smtplib: MODE (implicit or starttls), PORT, CAFILE."""
import smtplib
import ssl
import sys
from email.message import EmailMessage

mode, port, authorities = sys.argv[1], int(sys.argv[2]), sys.argv[3]
context = ssl.create_default_context(cafile=authorities)
if mode == "implicit":
    client = smtplib.SMTP_SSL("localhost", port, context=context, timeout=20)
else:
    client = smtplib.SMTP("localhost", port, timeout=20)
    client.starttls(context=context)
with client:
    client.login("user@example.org", "secret")
    message = EmailMessage()
    message["From"] = "user@example.org"
    message["To"] = "Jörg <b@example.net>"
    message["Subject"] = "smtplib ü"
    message.set_content(".leading dot\n\nü text\n.\n")
    refused = client.send_message(message)
    assert refused == {}, refused
    assert client.has_extn("pipelining") and client.esmtp_features["size"] == "52428800"
    assert client.verify("b@example.net")[0] == 252
    try:
        client.sendmail("user@example.org", ["not an address"], b"x")
    except smtplib.SMTPRecipientsRefused as error:
        assert error.recipients["not an address"][0] == 501, error
    else:
        raise AssertionError("accepted")
print("done")
