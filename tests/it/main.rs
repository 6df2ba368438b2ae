//! The one integration binary: a file per stage, the harness, the crash matrix, the commands and the tidy test.

mod backup;
mod cli;
mod commands;
mod compose;
mod crash;
mod credentials;
mod daemon;
mod deliver;
mod doctor;
mod guard;
mod http;
mod kill;
mod mail;
mod network;
mod online;
mod poll;
mod program;
mod proxy;
mod read;
mod smtp_server;
mod store;
mod tidy;
mod web;
mod week;
mod world;
