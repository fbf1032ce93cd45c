using System.Text;

namespace Sentinel.Recovery.Recording;

/// <summary>Names of files made of names that people chose.</summary>
internal static class FileName
{
    /// <summary>Letters, digits and <c>-_.</c> stay, everything else becomes %XX, and so does a full stop at the front: nothing leaves its directory.</summary>
    public static string Of(string name)
    {
        var safe = new StringBuilder(name.Length);
        foreach (var b in Encoding.UTF8.GetBytes(name))
        {
            var c = (char)b;
            _ = char.IsAsciiLetterOrDigit(c) || c is '-' or '_' || (c is '.' && safe.Length > 0) ? safe.Append(c) : safe.Append($"%{b:X2}");
        }

        return safe.ToString();
    }
}
