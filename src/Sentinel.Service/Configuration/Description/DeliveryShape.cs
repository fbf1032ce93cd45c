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
        "Program and arguments, no shell; {certificate} and {key} stand for files in PEM. Run until it ends with status 0.");

    public override IReadOnlyList<Key> Keys { get; } = [Names, Command];

    protected override string Noun => "a delivery";

    protected override DeliverySettings Build(Fields fields) => new(fields.Get(Names), fields.Get(Command));
}
