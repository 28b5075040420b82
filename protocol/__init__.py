"""Words: what travels, what it is called, and how it becomes bytes. Imports nothing of ours.

Glossary (one word, one meaning; this list is the authority):

corp          an enterprise with certification, apps, departments and members
member        a person of a corp, named `corpid/userid`
consumer      a person on WeChat, named by a handle without a slash; each corp sees an id of its own (`wm…`)
app           a program of a corp that may send, named `corpid/#agent_id`
bot           an app that people talk with, consumers too; its agent_id is unique in the world
person        a member or a consumer: somebody whose devices hold links
relation      a member and a consumer who know each other: pending, half, mutual or removed
group         a customer group with both sides in it
conversation  a single chat, a group, an app with a person, or a person's own affairs
sequence      the place of a message in its conversation: 1, 2, 3 … without holes
record        one journaled event
position      the place of a record in the journal: 1, 2, 3 … without holes
link          one authenticated socket of one device
session       the conversation on a link, without the socket
device        a name that comes with the link's token; it numbers its sends
send number   1, 2, 3 … of a device; a repeat is answered as the first time
frame         one message on a link
badge         what a consumer's screen shows of a member: real name, company, certification
quota         what a frequency rule still allows in the present window
journal       where records become durable
outbox        what waits to be written to a link
"""
