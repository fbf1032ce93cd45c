using Sentinel.Backends;
using Sentinel.Certificates;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary>One of <c>certificates.deliver</c>.</summary>
internal sealed class DeliveryShape : ObjectShape<DeliverySettings>
{
    private static readonly Key<EquatableList<string>> Names = Key.Required("names",
        new ListShape<string>("names", new TextShape<string>(CertificateText.ExpectedName, CertificateText.ParseName), atLeast: 1, distinct: true),
        "Every certificate that is for one of them is given.");

    private static readonly Key<EquatableList<string>> Command = Key.Required("command",
        new ListShape<string>("words", Forms.AnyText, atLeast: 1, first: new TextShape<string>(ProgramFile.Expected, ProgramFile.Parse)),
        "Program and arguments, no shell; {certificate} and {key} stand for files in PEM, {address} for the backend's address. Run until it ends with status 0.");

    private static readonly Key<BackendId> Backend = Key.Optional("backend", Forms.Backend,
        "The VM that it is for: while it is away the command waits, and is run as soon as it is back.");

    public override IReadOnlyList<Key> Keys { get; } = [Names, Command, Backend];

    protected override string Noun => "a delivery";

    protected override void Check(Fields fields)
    {
        if (fields.IsMissing(Backend) && fields.Try(Command, out var command) && command.Any(word => word.Contains("{address}", StringComparison.Ordinal)))
        {
            fields.Fail(Command, "a backend beside it, or no {address}", "{address} and no backend whose address it could be");
        }
    }

    protected override DeliverySettings Build(Fields fields) => new(fields.Get(Names), fields.Get(Command), fields.OrNone(Backend));
}
