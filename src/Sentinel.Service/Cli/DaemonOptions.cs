using System.CommandLine;
using System.Net;
using Sentinel.Service.Configuration;

namespace Sentinel.Service.Cli;

/// <summary>Options of the commands that speak to a daemon: where it is, and how to prove who asks.</summary>
internal sealed class DaemonOptions
{
    private readonly Option<Uri?> _admin = new("--admin")
    {
        HelpName = "URL",
        Description = "Where the daemon answers; else $SENTINEL_ADMIN, else admin.bind of the configuration",
        CustomParser = result =>
        {
            if (Address(result.Tokens[0].Value) is { } address)
            {
                return address;
            }

            result.AddError($"'{result.Tokens[0].Value}' is no address of a daemon; write one like http://127.0.0.1:8888");
            return null;
        },
    };

    private readonly Option<string?> _tokenFile = new("--token-file")
    {
        HelpName = "FILE",
        Description = "File with the daemon's token; else the one that the configuration names",
    };

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(_admin);
        command.Add(_tokenFile);
        command.Add(ConfigurationOption.Instance);
    }

    /// <summary>A client for the daemon that was asked for.</summary>
    /// <param name="patience">For one answer; the usual one unless given.</param>
    public AdminClient Connect(ParseResult arguments, TimeSpan? patience = null)
    {
        var source = new ConfigurationSource(ConfigurationOption.Of(arguments));
        var settings = source.ReadAdmin();
        return new AdminClient(
            arguments.GetValue(_admin) ?? FromEnvironment() ?? new Uri($"http://{Reachable(settings.Bind)}/"),
            Token(arguments.GetValue(_tokenFile), settings, source), patience);
    }

    private static Uri? FromEnvironment()
    {
        var value = Environment.GetEnvironmentVariable("SENTINEL_ADMIN");
        return string.IsNullOrEmpty(value) ? null
            : Address(value) ?? throw new CommandFailure(ExitStatus.Usage, $"SENTINEL_ADMIN is '{value}', which is no address of a daemon; write one like http://127.0.0.1:8888");
    }

    private static Uri? Address(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https" ? address : null;

    /// <summary>What listens everywhere also listens here.</summary>
    private static IPEndPoint Reachable(IPEndPoint bind) =>
        bind.Address.Equals(IPAddress.Any) ? new(IPAddress.Loopback, bind.Port)
        : bind.Address.Equals(IPAddress.IPv6Any) ? new(IPAddress.IPv6Loopback, bind.Port)
        : bind;

    private static string? Token(string? file, AdminSettings settings, ConfigurationSource source)
    {
        if (file is not null)
        {
            try
            {
                return File.ReadAllText(file).Trim();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new CommandFailure(ExitStatus.Usage, $"the token file cannot be read: {e.Message}");
            }
        }

        if (settings.TokenFile is not null)
        {
            return settings.Token?.Reveal();
        }

        // Without one in the configuration the daemon made its own, in its state directory.
        return Admin.AdminToken.TryRead(source.Read().Configuration?.StateDirectory ?? "/var/lib/sentinel");
    }
}
