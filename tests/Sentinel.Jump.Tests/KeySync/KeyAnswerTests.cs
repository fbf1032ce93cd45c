using System.Text;
using Sentinel.Jump.KeySync;
using Sentinel.Jump.Tests.Users;
using Sentinel.Testing.Vm;

namespace Sentinel.Jump.Tests.KeySync;

public sealed class KeyAnswerTests
{
    [Fact]
    public void Blank_lines_and_comments_occur_and_are_no_keys()
    {
        var answer = Read(KeyDaemon.Users(("alice", $"\n# a comment\n  {TestKey.Line(1)} alice@home\r\n\n{TestKey.Line(1)}\n"), ("bob", "")))!;

        Assert.Equal(["alice", "bob"], answer.Users.Select(user => user.Name));
        Assert.Equal([TestKey.Of(1)], answer.Users[0].Keys);
        Assert.Empty(answer.Users[1].Keys);
        Assert.Null(answer.Refused);
    }

    [Fact]
    public void A_user_name_that_would_write_outside_its_directory_is_refused_and_reported_and_the_others_count()
    {
        var answer = Read(KeyDaemon.Users(("../../root/.ssh", TestKey.Line(1)), ("alice", TestKey.Line(2)), ("bob\n", TestKey.Line(3)), ("-x", TestKey.Line(4)), ("ALICE", TestKey.Line(5))))!;

        Assert.Equal(["alice"], answer.Users.Select(user => user.Name));
        Assert.Equal("gave 4 that cannot be taken, such as \"../../root/.ssh\", which is no user name", answer.Refused);
    }

    [Fact]
    public void A_name_that_belongs_to_this_machine_is_refused()
    {
        var answer = Read(KeyDaemon.Users(("root", TestKey.Line(1)), ("jump", TestKey.Line(1)), ("alice", TestKey.Line(1))), LocalAccounts.Read("jump").Contains)!;

        Assert.Equal(["alice"], answer.Users.Select(user => user.Name));
        Assert.Equal("gave 2 that cannot be taken, such as root, which is an account of this machine", answer.Refused);
    }

    [Theory]
    [InlineData("command=\"/bin/backup\" ")]
    [InlineData("from=\"10.0.0.0/8\" ")]
    [InlineData("cert-authority ")]
    public void A_key_with_options_is_not_taken_without_them(string options)
    {
        var answer = Read(KeyDaemon.Users(("alice", options + TestKey.Line(1) + "\n" + TestKey.Line(2))))!;

        Assert.Equal([TestKey.Of(2)], answer.Users[0].Keys);
        Assert.Contains("a key of alice with options", answer.Refused, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("<html>")]
    [InlineData("{}")]
    [InlineData("{\"keys\":null}")]
    [InlineData("{\"keys\":{}}")]
    [InlineData("[]")]
    [InlineData("{\"keys\":[{\"username\":\"alice\"")]
    [InlineData("null")]
    public void Anything_else_is_no_answer(string body) => Assert.Null(Read(body));

    [Fact]
    public void An_empty_list_is_an_answer() => Assert.Empty(Read("{\"keys\":[],\"ssh_port\":22}")!.Users);

    [Theory]
    [InlineData("0.25", 0.25)]
    [InlineData("1", 1.0)]
    [InlineData("-0.1", null)]
    [InlineData("17", null)]
    [InlineData("1e999", null)]
    [InlineData("\"0.5\"", null)]
    [InlineData("null", null)]
    public void A_load_counts_from_nothing_to_full_and_is_ignored_beyond(string figure, double? load) =>
        Assert.Equal(load, Read($"{{\"keys\":[],\"load\":{figure}}}")!.Load);

    private static KeyAnswer? Read(string body, Func<string, bool>? isTaken = null) => KeyAnswer.Read(Encoding.UTF8.GetBytes(body), isTaken ?? (_ => false), out _);
}
