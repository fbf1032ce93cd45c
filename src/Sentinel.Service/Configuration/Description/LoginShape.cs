using Sentinel.Jump;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>ssh.login</c>.</summary>
internal sealed class LoginShape : ObjectShape<LoginSettings>
{
    private static readonly LoginSettings Defaults = new();

    private static readonly Key<string> Accounts = Key.Default("accounts", Forms.Directory, Defaults.Accounts, "Where libnss-extrausers reads accounts.");

    private static readonly Key<string> Program = Key.Default("program", new TextShape<string>("the absolute path of a program", LocalPath.Parse), Defaults.Program, "The program that sends users on, as the package installs it.");

    private static readonly Key<string> Agent = Key.Default("agent", Forms.Directory, Defaults.Agent, "Where the agent that has the sentinel's own keys has its sockets.");

    public override IReadOnlyList<Key> Keys { get; } = [Accounts, Program, Agent];

    protected override string Noun => "login";

    protected override LoginSettings Build(Fields fields) => new() { Accounts = fields.Get(Accounts), Program = fields.Get(Program), Agent = fields.Get(Agent) };
}
