// A room a group: what one says, the others hear, and the speaker is answered. Prints its port when it listens.
"use strict";

const { createServer } = require("node:http");
const { Server } = require("socket.io");

const http = createServer();
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false, serveClient: false });

io.on("connection", (socket) => {
  let room = "";
  socket.on("join", (name, answer) => {
    room = name;
    socket.join(name);
    answer();
  });
  socket.on("send", (text, answer) => {
    socket.to(room).emit("message", text);
    answer();
  });
});

http.listen(0, "127.0.0.1", () => console.log(http.address().port));
