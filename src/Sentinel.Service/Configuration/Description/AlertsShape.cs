using Sentinel.Backends;
using Sentinel.Service.Alerts;
using Sentinel.Service.Configuration.Shapes;
using Sentinel.Service.Configuration.Values;

namespace Sentinel.Service.Configuration.Description;

/// <summary><c>alerts</c>.</summary>
internal sealed class AlertsShape : ObjectShape<EquatableList<WebhookSettings>>
{
    private static readonly Key<EquatableList<WebhookSettings>> Webhooks = Key.Default("webhooks",
        new ListShape<WebhookSettings>("webhooks", new WebhookShape()), (EquatableList<WebhookSettings>)[], "Who is told when something happens.");

    public override IReadOnlyList<Key> Keys { get; } = [Webhooks];

    protected override string Noun => "alerts";

    protected override void Check(Fields fields)
    {
        foreach (var twice in fields.Get(Webhooks).GroupBy(webhook => webhook.Url).Where(same => same.Count() > 1))
        {
            fields.Fail(Webhooks, "each receiver once, with all its events", $"two webhooks for the same address at {twice.Key.Host}");
        }
    }

    protected override EquatableList<WebhookSettings> Build(Fields fields) => fields.Get(Webhooks);

    private sealed class WebhookShape : ObjectShape<WebhookSettings>
    {
        private static readonly Key<Uri> Url = Key.Required("url", new TextShape<Uri>(WebAddress.Expected, WebAddress.Parse),
            "Where alerts are posted.");

        private static readonly Key<SecretFile> SecretFile = Key.Optional("secretFile", Values.SecretFile.Token,
            "A file with the secret that signs each alert (HMAC-SHA256). Mode 0600, or a systemd credential: ${CREDENTIALS_DIRECTORY} is expanded.");

        private static readonly Key<AlertFormat> Format = Key.Default("format", new WordShape<AlertFormat>([]), AlertFormat.Json,
            "json: the alert as a document; slack: a sentence for Slack's incoming webhooks.");

        private static readonly Key<EquatableList<AlertEvent>> Events = Key.Default("events",
            new ListShape<AlertEvent>("events", new WordShape<AlertEvent>([]), atLeast: 1, distinct: true), (EquatableList<AlertEvent>)[.. Enum.GetValues<AlertEvent>()],
            "What it is told of. Default: everything.");

        public override IReadOnlyList<Key> Keys { get; } = [Url, SecretFile, Format, Events];

        protected override string Noun => "a webhook";

        protected override WebhookSettings Build(Fields fields) => new()
        {
            Url = fields.Get(Url),
            Secret = fields.OrNull(SecretFile)?.Secret,
            Format = fields.Get(Format),
            Events = fields.Get(Events),
        };
    }
}
